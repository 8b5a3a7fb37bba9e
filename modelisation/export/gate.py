"""The parity gate: what a model must show before it becomes `champion`. Light to import: numbers alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from back.runtime.card import ONNX_FILE, read_card
from modelisation.export.bundle import PARITY, read_report

# Share of the pixels whose label must be PyTorch's. Narrow arithmetic moves outlines; it must not move more.
MIN_AGREEMENT = {"fp32": 0.9999, "bf16": 0.99, "int8": 0.99}
MAX_MIOU_POINTS = 0.3


def engine_passes(precision: str, agreement: float, miou_points: float) -> bool:
    """Whether an engine is as good as PyTorch.

    Args:
        precision: fp32, bf16 or int8.
        agreement: share of equal pixels, 0..1.
        miou_points: mIoU of the engine less that of PyTorch, in points (hundredths).
    """
    return agreement >= MIN_AGREEMENT[precision] and abs(miou_points) <= MAX_MIOU_POINTS


def parity_failure(bundle: Path) -> str | None:
    """Why a bundle may not become champion, as a sentence; None where its parity report has passed.

    The report must be of this very network: it names the sha256 of the ONNX file that was compared.
    """
    parity: Mapping[str, Any] | None = read_report(bundle).get(PARITY)
    if not parity:
        return f"{bundle} carries no parity report; run `python -m modelisation promote {bundle} --data DIR` first"
    if parity.get("model_sha256") != read_card(bundle).files.get(ONNX_FILE):
        return f"{bundle}: the parity report is of another network; run `promote` again"
    if not parity.get("passed"):
        return f"{bundle}: the parity check failed; its report says on which engine"
    return None
