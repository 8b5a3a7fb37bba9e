"""bf16 in place of fp32, where the processor computes it natively; elsewhere it would be slower.

Worth (2-core Intel Xeon with AMX, medians of interleaved rounds): in fp32 the network takes 1.7 to 1.9 times the
processor time (DeepLabV3+ at 480x384, 608x320 and 1024x512). The parity gate and the self-test keep it honest.

A network that was quantised to int8 says so on its card, and takes bf16 or fp32 for the layers that stayed in float.
"""

from typing import Any

from back.runtime.engines.base import Precision, PrecisionError


def takes_bf16(core: Any, wanted: Precision) -> tuple[bool, str]:
    """Whether OpenVINO's `core` shall compute in bf16, and what to add to the reason for the engine.

    Raises:
        PrecisionError: bf16 is wanted, and this processor has none.
    """
    native = has_bf16(core)
    if wanted == "bf16" and not native:
        raise PrecisionError("this processor has no bf16 arithmetic; set the precision to fp32 or auto")
    said = f"; the processor has {'' if native else 'no '}native bf16" if wanted == "auto" else ""
    return native and wanted != "fp32", said


def has_bf16(core: Any) -> bool:
    """Whether the processor computes in bf16 by itself."""
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
