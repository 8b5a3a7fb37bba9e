"""The parity gate: what a model must show before it becomes `champion`. Light to import: numbers alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from back.runtime.card import ONNX_FILE, read_card
from modelisation.export.bundle import PARITY, read_report

# Share of the pixels whose label must be PyTorch's. Narrow arithmetic moves outlines; it must not move more.
MIN_AGREEMENT = {"fp32": 0.9999, "bf16": 0.99, "int8": 0.99}
# Points of mIoU that may lie between an engine and PyTorch. Int8 is asked for where speed is worth half a point.
MAX_MIOU_POINTS = {"fp32": 0.3, "bf16": 0.3, "int8": 0.5}
# Of an import: share of the pixels whose label must be that of the library which the weights came from.
MIN_LIBRARY_AGREEMENT = 0.995
LIBRARY_PARITY = "library_parity"  # the part of report.json that tells of it


def engine_passes(precision: str, agreement: float, miou_points: float) -> bool:
    """Whether an engine is as good as PyTorch.

    Args:
        precision: fp32, bf16 or int8.
        agreement: share of equal pixels, 0..1.
        miou_points: mIoU of the engine less that of PyTorch, in points (hundredths).
    """
    return agreement >= MIN_AGREEMENT[precision] and abs(miou_points) <= MAX_MIOU_POINTS[precision]


def parity_failure(bundle: Path) -> str | None:
    """Why a bundle may not become champion, as a sentence; None where its parity report has passed.

    The report must be of this very network: it names the sha256 of the ONNX file that was compared.
    """
    report, card = read_report(bundle), read_card(bundle)
    library: Mapping[str, Any] = report.get(LIBRARY_PARITY) or {}
    if card.origin and not (library.get("passed") and library.get("model_sha256") == card.files.get(ONNX_FILE)):
        return f"{bundle} was not compared with the library that it was imported from; import it again"
    parity: Mapping[str, Any] | None = report.get(PARITY)
    if not parity:
        return f"{bundle} carries no parity report; run `python -m modelisation promote {bundle} --data DIR` first"
    if parity.get("model_sha256") != card.files.get(ONNX_FILE):
        return f"{bundle}: the parity report is of another network; run `promote` again"
    if not parity.get("passed"):
        return f"{bundle}: {why_failed(parity)}"
    return None


def why_failed(parity: Mapping[str, Any]) -> str:
    """Of a parity report that has not passed: what the engines gave, what is wanted, and what to do about it."""
    failed = [engine for engine in parity["engines"] if not engine["passed"]]
    if not failed:
        return "no engine runs the network here; see what the report says was skipped"
    reasons = []
    for engine in failed:
        agreement = min(engine["pixel_agreement"], engine["tensor_agreement"])
        name = f"{engine['engine']} {engine['precision']}"
        if agreement < engine["min_agreement"]:
            wanted = engine["min_agreement"]
            reasons.append(f"{name} gives PyTorch's label on {agreement:.2%} of the pixels, {wanted:.2%} are wanted")
        else:
            reasons.append(f"the mIoU of {name} differs from PyTorch's by {engine['miou_delta_points']:+.2f} points")
    if all(engine["precision"] != "fp32" for engine in failed):
        reasons.append(
            "in fp32 it passes: after few steps a network is unsure of so many pixels that rounding decides them, so "
            "train it longer"
        )
    else:
        reasons.append("export the run again, and report it if that does not help")
    return "; ".join(reasons)
