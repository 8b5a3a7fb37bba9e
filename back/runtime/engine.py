"""Engines that run a bundle's network: OpenVINO (default) and ONNX Runtime, behind one small interface.

Both take the resized photo as uint8 and fold the normalisation in, so that callers never see mean and std.
"""

import hashlib
import os
import sys
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from back.runtime.card import ONNX_FILE, BundleError, Card, sha256_of
from back.runtime.hot_sizes import WINDOW, HotSizes
from back.runtime.normalise import Normaliser
from back.runtime.threads import available_cpus

EngineKind = Literal["auto", "openvino", "onnxruntime"]
Precision = Literal["auto", "bf16", "fp32"]
UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]

INPUT_NAME = "image"
OUTPUT_NAME = "scores"
# Importing openvino would report to its makers and write to the home folder; without this module it does neither.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
# One network runs at a time on all its threads; a second request lets another caller copy its input meanwhile.
_REQUESTS = 2


class Engine(Protocol):
    """A compiled network. `run` may be called from several threads at once."""

    name: str
    precision: str
    reason: str
    threads: int

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        """Scores of one picture.

        Args:
            image_NHWC: uint8 [1, height, width, 3] RGB, height and width multiples of the card's stride.

        Returns:
            float32 [classes, height / score stride, width / score stride], owned by the caller.
        """
        ...

    def prepare(self, height: int, width: int) -> None:
        """Get ready for inputs of this size, so that every answer for it comes from the same compiled network."""
        ...


def create_engine(
    bundle: Path,
    card: Card,
    *,
    kind: EngineKind = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    cache_dir: Path | None = None,
) -> Engine:
    """Compile a bundle's network.

    Args:
        kind: `auto` takes OpenVINO, and ONNX Runtime where OpenVINO cannot load the model; `.reason` says why.
        precision: `auto` takes bf16 where the processor computes it natively and the engine is OpenVINO, else fp32.
        threads: processors to use; None takes all that this process may use (affinity and cgroup quota).
        cache_dir: folder for compiled models, so that the next start skips compilation (OpenVINO).

    Raises:
        BundleError: the engine cannot load the model.
        ValueError: the engine or the processor cannot compute in the wanted precision.
    """
    threads = threads or available_cpus()
    if kind == "onnxruntime":
        return OnnxRuntimeEngine(bundle, card, precision, threads, "chosen by the setting")
    if kind == "openvino":
        return OpenVinoEngine(bundle, card, precision, threads, cache_dir, "chosen by the setting")
    if precision == "fp32":
        why = "OpenVINO is the fastest engine on processors"
    else:
        why = "OpenVINO is the fastest engine on processors, and computes in bf16 where the processor can"
    try:
        return OpenVinoEngine(bundle, card, precision, threads, cache_dir, why)
    except (ImportError, BundleError) as error:
        if precision == "bf16":
            raise
        return OnnxRuntimeEngine(bundle, card, precision, threads, f"OpenVINO cannot run this model: {error}")


class OpenVinoEngine:
    """OpenVINO on the processor, uint8 NHWC in: one network for every input size, more for the sizes that pay."""

    name = "openvino"

    def __init__(
        self,
        bundle: Path,
        card: Card,
        precision: Precision,
        threads: int,
        cache_dir: Path | None,
        reason: str,
    ) -> None:
        import openvino as ov

        core = ov.Core()
        native_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "bf16" and not native_bf16:
            raise ValueError("this processor has no bf16 arithmetic; set the precision to fp32 or auto")
        use_bf16 = native_bf16 and precision != "fp32"
        if precision == "auto":
            reason += f"; the processor has {'' if native_bf16 else 'no '}native bf16"
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if use_bf16 else "f32",
        }
        if cache_dir is not None:
            cache_dir.mkdir(parents=True, exist_ok=True)
            config["CACHE_DIR"] = str(cache_dir)
        # Held only as a hash: what was read at first is what every later compile sees, or it fails.
        sha256 = sha256_of(bundle / ONNX_FILE)

        def compile_for(size: tuple[int, int]) -> _OpenVinoNetwork:
            onnx_bytes = (bundle / ONNX_FILE).read_bytes()
            if hashlib.sha256(onnx_bytes).hexdigest() != sha256:
                raise BundleError(f"{bundle / ONNX_FILE} was changed while it served; register the model anew")
            model = core.read_model(onnx_bytes)
            return _OpenVinoNetwork(core.compile_model(_with_uint8_input(model, card, size), "CPU", config))

        try:
            model = core.read_model((bundle / ONNX_FILE).read_bytes())
            names = [i.get_any_name() for i in model.inputs], [o.get_any_name() for o in model.outputs]
            if names != ([INPUT_NAME], [OUTPUT_NAME]):
                raise BundleError(_wrong_names(bundle, *names))
            self._any_size = compile_for(card.input.fixed_size or (-1, -1))
        except RuntimeError as error:
            raise BundleError(_cannot_load(bundle, "OpenVINO", error)) from error
        # While sizes are open OpenVINO copies at every Transpose, which it otherwise does in place. That doubles the
        # time of a transformer; a network of convolutions has nothing to gain.
        gains = any(op.get_type_name() == "Transpose" for op in model.get_ops())
        self._since_any_size, self._any_size_idle = 0, False  # requests; roughly, as two threads may count at once
        self._hot_sizes = (
            HotSizes(compile_for, self._any_size.release_memory) if gains and card.input.fixed_size is None else None
        )
        self.precision = "bf16" if use_bf16 else "fp32"
        self.reason = reason
        self.threads = threads

    def prepare(self, height: int, width: int) -> None:
        if self._hot_sizes is not None:
            self._hot_sizes.prepare((height, width))

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        size = (image_NHWC.shape[1], image_NHWC.shape[2])
        hot = None if self._hot_sizes is None else self._hot_sizes.network_for(size)
        if hot is None:
            self._since_any_size, self._any_size_idle = 0, False
            return self._any_size.run(image_NHWC)
        self._since_any_size += 1
        if self._since_any_size >= WINDOW and not self._any_size_idle:
            self._any_size_idle = True
            self._any_size.release_memory()
        return hot.run(image_NHWC)


class _OpenVinoNetwork:
    """A compiled network and its infer requests, each of which serves one caller at a time."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._releasing = Lock()  # two who each held one request would wait for each other
        self._requests: LifoQueue[Any] = LifoQueue()
        for _ in range(_REQUESTS):
            self._requests.put(compiled.create_infer_request())

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        request = self._requests.get()
        try:
            # On a thread of OpenVINO's, not on the caller's: a signal (Ctrl-C, the end of a child process) that came
            # to a thread after bf16 work was seen to end the process with SIGSEGV. Suspected, not proven: AMX
            # registers in use, for which the signal stack has no room.
            request.start_async([np.ascontiguousarray(image_NHWC)], share_inputs=True)
            request.wait()
            # Copied out, so that the request can go to the next caller.
            scores_CHW: Float32Array = request.get_output_tensor(0).data[0].copy()
        finally:
            self._requests.put(request)
        return scores_CHW

    def release_memory(self) -> None:
        """Free what lies between the layers (about 60 MB for half a megapixel); the next `run` makes it anew."""
        with self._releasing:
            held = [self._requests.get() for _ in range(_REQUESTS)]  # OpenVINO refuses while a request runs
            try:
                self._compiled.release_memory()
            finally:
                for request in held:
                    self._requests.put(request)


class OnnxRuntimeEngine:
    """ONNX Runtime on the processor, fp32: the portable one."""

    name = "onnxruntime"
    precision = "fp32"

    def __init__(self, bundle: Path, card: Card, precision: Precision, threads: int, reason: str) -> None:
        import onnxruntime as ort

        if precision == "bf16":
            raise ValueError("ONNX Runtime computes in fp32; set the precision to fp32 or auto, or use OpenVINO")
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
            raise BundleError(_cannot_load(bundle, "ONNX Runtime", error)) from error
        names = [i.name for i in self._session.get_inputs()], [o.name for o in self._session.get_outputs()]
        if names != ([INPUT_NAME], [OUTPUT_NAME]):
            raise BundleError(_wrong_names(bundle, *names))
        self.reason = reason
        self.threads = threads
        self._normalise = Normaliser(card.input.mean, card.input.std)

    def prepare(self, height: int, width: int) -> None:
        pass  # one session takes every size equally well

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        return self._session.run([OUTPUT_NAME], {INPUT_NAME: self._normalise(image_NHWC)})[0][0]


def _with_uint8_input(model: Any, card: Card, size: tuple[int, int]) -> Any:
    """The network for inputs of `size` (-1: any), behind `uint8 NHWC -> float32 NCHW, / 255, - mean, / std`."""
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    model.reshape({INPUT_NAME: [1, 3, *size]})
    steps = PrePostProcessor(model)
    image = steps.input(INPUT_NAME)
    image.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    image.model().set_layout(Layout("NCHW"))
    image.preprocess().convert_element_type(Type.f32).mean([m * 255 for m in card.input.mean]).scale(
        [s * 255 for s in card.input.std]
    )
    return steps.build()


def _cannot_load(bundle: Path, engine: str, error: Exception) -> str:
    first_line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"{bundle / ONNX_FILE}: {engine} cannot load it: {first_line.strip()}; export the bundle again"


def _wrong_names(bundle: Path, inputs: list[str], outputs: list[str]) -> str:
    return (
        f"{bundle / ONNX_FILE}: has inputs {inputs} and outputs {outputs} where a bundle's network has "
        f"[{INPUT_NAME!r}] and [{OUTPUT_NAME!r}]; export the bundle again"
    )
