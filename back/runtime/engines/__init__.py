"""Engines that run a bundle's network: OpenVINO (default), ONNX Runtime, and NVIDIA cards, behind one interface.

Both take the resized photo as uint8 and fold the normalisation in, so that callers never see mean and std.
"""

from pathlib import Path

from back.runtime.card import BundleError, Card
from back.runtime.engines.base import Engine, EngineKind, Precision, PrecisionError
from back.runtime.engines.cuda import CudaEngine
from back.runtime.engines.onnxruntime import OnnxRuntimeEngine
from back.runtime.engines.openvino import OpenVinoEngine
from back.runtime.process.threads import available_cpus


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
        kind: `auto` takes OpenVINO, and ONNX Runtime where OpenVINO cannot load the model; `.reason` says why. `cuda`
            is taken where it is asked for alone.
        precision: `auto` takes bf16 where the processor computes it natively and the engine is OpenVINO, else fp32;
            of a network that was quantised, for the layers that stayed in float. `int8` takes such a network alone.
        threads: processors to use; None takes all that this process may use (affinity and cgroup quota).
        cache_dir: folder for compiled models, so that the next start skips compilation (OpenVINO).

    Raises:
        BundleError: the engine cannot load the model.
        DeviceError: no GPU is there for `cuda`.
        PrecisionError: the engine or the processor cannot compute in the wanted precision.
    """
    threads = threads or available_cpus()
    if precision == "int8":
        if card.quantisation is None:
            raise PrecisionError(
                f"{card.name} is in float; make its int8 form with `python -m modelisation quantise`, or set the "
                "precision to auto"
            )
        precision = "auto"
    if kind == "cuda":
        return CudaEngine(bundle, card, precision, threads, cache_dir, "chosen by the setting")
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
