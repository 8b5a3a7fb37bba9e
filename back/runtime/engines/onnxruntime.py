"""The ONNX Runtime engine: fp32 on any processor."""

import os
from pathlib import Path

from back.runtime.card import ONNX_FILE, BundleError, Card
from back.runtime.engines.base import (
    INPUT_NAME,
    OUTPUT_NAME,
    Float32Array,
    Precision,
    PrecisionError,
    SteadyEngine,
    UInt8Array,
    cannot_load,
    precision_name,
    wrong_names,
)
from back.runtime.engines.normalise import Normaliser


class OnnxRuntimeEngine:
    """ONNX Runtime on the processor, fp32: the portable one."""

    name = "onnxruntime"

    def __init__(self, bundle: Path, card: Card, precision: Precision, threads: int, reason: str) -> None:
        import onnxruntime as ort

        if precision == "bf16":
            raise PrecisionError("ONNX Runtime computes in fp32; set the precision to fp32 or auto, or use OpenVINO")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle threads must not spin: they would take the processors from decoding and from other requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                os.fspath(bundle / ONNX_FILE), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions share no public base class
            raise BundleError(cannot_load(bundle, "ONNX Runtime", error)) from error
        names = [i.name for i in self._session.get_inputs()], [o.name for o in self._session.get_outputs()]
        if names != ([INPUT_NAME], [OUTPUT_NAME]):
            raise BundleError(wrong_names(bundle, *names))
        self.precision = precision_name(card, "fp32")
        self.reason = reason
        self.threads = threads
        self._normalise = Normaliser(card.input.mean, card.input.std)

    def prepare(self, height: int, width: int) -> None:
        pass  # one session takes every size equally well

    def steady(self, height: int, width: int) -> SteadyEngine:
        return SteadyEngine(self.name, self.precision, self.reason, self.threads, self.run)

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        return self._session.run([OUTPUT_NAME], {INPUT_NAME: self._normalise(image_NHWC)})[0][0]
