"""The engine for NVIDIA cards: ONNX Runtime's CUDA provider, TensorRT's where it is installed.

Bytes go up, labels come down (`device_graph.py`), and requests that wait for the card go through it together
(`batches.py`). What it needs is an extra: `back/gpu/requirements.in` says what and how.

Not run on a card yet: where this was written there was none. The tests run the same path on ONNX Runtime's provider
for processors.
"""

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from back.runtime.card import ONNX_FILE, BundleError, Card
from back.runtime.engines.base import (
    INPUT_NAME,
    OUTPUT_NAME,
    DeviceError,
    Float32Array,
    Precision,
    PrecisionError,
    SteadyEngine,
    UInt8Array,
    cannot_load,
    precision_name,
    wrong_names,
)
from back.runtime.engines.batches import MOST, Batches
from back.runtime.engines.device_graph import CELLS, LABELS, LARGEST, PIXELS, SCALES, SIZE, takes_batches, with_labels

CUDA, TENSORRT, PROCESSOR = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
_EXTRA = "see back/gpu/requirements.in"


@dataclass(frozen=True)
class _Request:
    """One picture, and the labels wanted of it; no `photo` where its scores are."""

    image_NHWC: UInt8Array  # noqa: N815 - the name carries the shape
    photo: tuple[int, int] | None = None
    valid: tuple[float, float] | None = None

    @property
    def key(self) -> object:
        return self.image_NHWC.shape, self.photo, self.valid


class CudaEngine:
    """A network on a graphics card. Made by `create_engine`, which says what the arguments are.

    Args:
        provider: ONNX Runtime's; None takes TensorRT where it is installed, else CUDA.

    Raises:
        DeviceError: no card, or what it needs is not installed.
    """

    name = "cuda"

    def __init__(
        self,
        bundle: Path,
        card: Card,
        precision: Precision,
        threads: int,
        cache_dir: Path | None,
        reason: str,
        *,
        provider: str | None = None,
    ) -> None:
        import onnxruntime as ort

        if precision == "bf16":
            raise PrecisionError("on a graphics card fp32 is computed; set the precision to fp32 or auto")
        chosen = provider or _provider(ort.get_available_providers())
        try:
            import onnx
        except ImportError:
            raise DeviceError(f"the engine cuda needs the package onnx, which is not installed; {_EXTRA}") from None
        try:
            model = onnx.load_from_string((bundle / ONNX_FILE).read_bytes())
            names = [i.name for i in model.graph.input], [o.name for o in model.graph.output]
            if names != ([INPUT_NAME], [OUTPUT_NAME]):
                raise BundleError(wrong_names(bundle, *names))
            together = MOST if takes_batches(model) else 1
            options = ort.SessionOptions()
            options.intra_op_num_threads = threads
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            options.log_severity_level = 3
            self._session = ort.InferenceSession(
                with_labels(model, card).SerializeToString(), options, providers=_providers(chosen, cache_dir)
            )
        except BundleError:
            raise
        except Exception as error:  # ONNX Runtime's exceptions share no public base class
            raise BundleError(cannot_load(bundle, "ONNX Runtime", error)) from error
        if chosen not in self._session.get_providers():
            raise DeviceError(f"ONNX Runtime finds no NVIDIA card that works, or not its libraries; {_EXTRA}")
        self._device = "cpu" if chosen == PROCESSOR else "cuda"
        self._partial = ort.RunOptions()
        with suppress(AttributeError):
            self._partial.only_execute_path_to_fetches = True
        self._batches: Batches[_Request, Any] = Batches(self._run_all, lambda request: request.key, together)
        self.precision = precision_name(card, "fp32")
        self.reason = f"{reason}; {chosen}"
        self.threads = threads

    def prepare(self, height: int, width: int) -> None:
        self.run(np.zeros((1, height, width, 3), np.uint8))  # TensorRT builds its plan for a size when it first comes

    def steady(self, height: int, width: int) -> SteadyEngine:
        self.prepare(height, width)
        return SteadyEngine(self.name, self.precision, self.reason, self.threads, self.run)

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        scores_CHW: Float32Array = self._batches.run(_Request(image_NHWC))
        return scores_CHW

    def labels(
        self, image_NHWC: UInt8Array, height: int, width: int, valid_height: float, valid_width: float
    ) -> UInt8Array | None:
        """Labels of one picture, made on the card. See `LabellingEngine`."""
        labels_HW: UInt8Array | None = self._batches.run(
            _Request(image_NHWC, (height, width), (valid_height, valid_width))
        )
        return labels_HW

    def _run_all(self, requests: list[_Request]) -> list[Any]:
        first = requests[0]
        height, width = first.photo or (1, 1)
        valid = first.valid or (1.0, 1.0)
        pixels_NHWC = np.concatenate([request.image_NHWC for request in requests])
        binding = self._session.io_binding()
        inputs = {
            PIXELS: np.ascontiguousarray(pixels_NHWC),
            CELLS: np.array([math.ceil(side) for side in valid], np.int64),
            SCALES: np.array([1, 1, height / valid[0], width / valid[1]], np.float32),
            SIZE: np.array([height, width], np.int64),
        }
        for name, value in inputs.items():
            binding.bind_cpu_input(name, value)
        wanted = (OUTPUT_NAME,) if first.photo is None else (LABELS, LARGEST)
        for name in wanted:
            binding.bind_output(name, self._device)
        self._session.run_with_iobinding(binding, self._partial)
        found = binding.copy_outputs_to_cpu()
        if first.photo is None:
            return [scores_CHW.copy() for scores_CHW in found[0]]
        # Of a batch, whose scores were not finite is not known: each is then asked for alone.
        if not np.isfinite(found[1]):
            return [None] if len(requests) == 1 else [self._run_all([request])[0] for request in requests]
        return [np.ascontiguousarray(labels_HW) for labels_HW in found[0]]


def _provider(available: list[str]) -> str:
    """The best of ONNX Runtime's providers for a card. Raises DeviceError: there is none."""
    for provider in (TENSORRT, CUDA):
        if provider in available and (provider == CUDA or _has_tensorrt()):
            return provider
    raise DeviceError(
        f"the engine cuda needs ONNX Runtime for NVIDIA cards, which is not installed here; {_EXTRA}, or set the "
        "engine to auto"
    )


def _has_tensorrt() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorrt") is not None or find_spec("tensorrt_libs") is not None


def _providers(chosen: str, cache_dir: Path | None) -> list[Any]:
    """What ONNX Runtime is told: the chosen provider with its options, and those it falls back to layer by layer."""
    if chosen == PROCESSOR:
        return [PROCESSOR]
    cuda = (CUDA, {"cudnn_conv_algo_search": "HEURISTIC"})
    if chosen == CUDA:
        return [cuda, PROCESSOR]
    kept = {} if cache_dir is None else {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": os.fspath(cache_dir / "tensorrt"),
    }  # fmt: skip
    return [(TENSORRT, {"trt_fp16_enable": False, **kept}), cuda, PROCESSOR]
