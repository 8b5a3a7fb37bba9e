"""The table of docs/tradeoff.json, which `make benchmark-tradeoff` writes: accuracy against latency."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine

TRADEOFF = REPOSITORY / "docs" / "tradeoff.json"
FIGURE = REPOSITORY / "docs" / "tradeoff.png"
PEER = "ONNX Runtime"
Report = Mapping[str, Any]
_HEADER = ("model, precision", "pixel budget", "ms a photo", "times as fast as bf16", "mIoU %", "points against fp32")


def tradeoff_lines(path: Path = TRADEOFF) -> list[str]:
    """The lines of the table; `path` is the report."""
    if not path.is_file():
        return ["Not measured yet: `make benchmark-tradeoff`."]
    return tradeoff_table(json.loads(path.read_text(encoding="utf-8")))


def tradeoff_table(report: Report) -> list[str]:
    """One row a model, precision and pixel budget; below it how it was measured, and what failed.

    Times are medians with the quartiles; times as fast as bf16, the medians of each photo's pair.
    """
    ours = {(r["model"], r["pixel_budget"], r["precision"]): r for r in report["rows"] if r["server"] != PEER}
    rows = []
    for row in report["rows"]:
        bf16, fp32 = (ours.get((row["model"], row["pixel_budget"], name)) for name in ("bf16", "fp32"))
        quartiles = statistics.quantiles(row["ms"], n=4)
        peer = f" by {PEER}" if row["server"] == PEER else ""
        rows.append(
            [
                f"{row['model']}, {row['precision']}{peer}",
                f"{row['pixel_budget']:,}",
                f"{quartiles[1]:.1f} ({quartiles[0]:.1f}–{quartiles[2]:.1f})",
                "–" if bf16 is None or bf16 is row else f"{_times(bf16['ms'], row['ms']):.2f}",
                f"{100 * row['miou']:.2f}",
                "–" if fp32 is None or fp32 is row else f"{100 * (row['miou'] - fp32['miou']):+.2f}",
            ]
        )
    how = (
        f"{report['photos']} photos of {report['dataset']} {report['split']}, each asked of all ways in turn; "
        f"medians with quartiles. {on_machine(report)}; {on_day(report)}."
    )
    failed = [f"- {what}: {why}" for what, why in report["failures"].items()]
    return [*table(_HEADER, rows), "", how, *(["", "What did not work:", "", *failed] if failed else [])]


def _times(slow_ms: list[float], fast_ms: list[float]) -> float:
    return statistics.median(slow / fast for slow, fast in zip(slow_ms, fast_ms, strict=True))
