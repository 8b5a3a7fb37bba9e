"""OpenVINO without anything around it."""

import sys
from pathlib import Path
from typing import Any, Literal

from back.runtime.engines.openvino_compiler import compile_anyway
from back.runtime.process.threads import available_cpus

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def compile_bare(
    onnx: Path,
    size: tuple[int, int] | None,
    *,
    precision: Literal["bf16", "f32"] | None = None,
    hint: Literal["LATENCY", "THROUGHPUT"] = "LATENCY",
) -> Any:
    """Compile for float32 [1, 3, height, width].

    Args:
        size: height and width; None leaves them open.
        precision: None takes bf16 where the processor computes it natively.
    """
    import openvino as ov

    core = ov.Core()
    if precision is None:
        precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    model = core.read_model(str(onnx))
    model.reshape([1, 3, *(size or (-1, -1))])
    config = {
        "PERFORMANCE_HINT": hint,
        "INFERENCE_NUM_THREADS": available_cpus(),
        "INFERENCE_PRECISION_HINT": precision,
    }
    return compile_anyway(lambda changed: core.compile_model(model, "CPU", changed), config)
