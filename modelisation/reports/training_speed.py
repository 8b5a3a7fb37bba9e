"""The table of docs/training.json, by `make benchmark-training`: training beside the usual libraries."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine

TRAINING = REPOSITORY / "docs" / "training.json"
_OURS = "StreetSeg"
_HEADER = (
    "recipe and way", "ms a step", "processor s a step", "times slower than StreetSeg", "pictures/s over an epoch",
    "times slower", "waiting for pictures %",
)  # fmt: skip


def training_lines(path: Path = TRAINING) -> list[str]:
    """The lines of the table; `path` is the report."""
    if not path.is_file():
        return ["Not measured yet: `make benchmark-training`."]
    return training_table(json.loads(path.read_text(encoding="utf-8")))


def training_table(report: Mapping[str, Any]) -> list[str]:
    """One row a recipe and way; below it how it was measured, and what failed.

    Times are of the median round; how many times slower, the median of each round's pair, with least and most.
    """
    epochs = {(row["model"], row["way"]): row for row in report["epochs"]}
    steps = {(row["model"], row["way"]): row for row in report["steps"]}
    rows = []
    for (model, way), row in steps.items():
        cells = [f"{model}, {way}", f"{1e3 * statistics.median(row['seconds']):.0f}"]
        cells += [f"{statistics.median(row['processor']):.2f}", _slower(steps, model, way)]
        if (whole := epochs.get((model, way))) is None:
            cells += ["", "", ""]
        else:
            wait = "–" if whole["wait"] is None else f"{100 * statistics.median(whole['wait']):.1f}"
            rate = report["photos"] / statistics.median(whole["seconds"])
            cells += [f"{rate:.1f}", _slower(epochs, model, way), wait]
        rows.append(cells)
    one, many = (len(report[kind][0]["seconds"]) if report[kind] else 0 for kind in ("steps", "epochs"))
    height, width = report["crop"]
    threads = f"{report['threads']} thread{'s' if report['threads'] > 1 else ''}"
    how = (
        f"Batches of {report['batch']} crops of {width}x{height}; epochs of {report['photos']} photos "
        f"({report['data']}), read from their files, and {report['val']} to validate on. Ways take turns, in {one} "
        f"rounds of a few steps each, then in {many} of epochs. {threads} of {on_machine(report)}, "
        f"load average {report['load']:.1f} at the begin; {on_day(report)}."
    )
    failed = [f"- {what}: {why}" for what, why in report["failures"].items()]
    return [*table(_HEADER, rows), "", how, *(["", "What did not work:", "", *failed] if failed else [])]


def _slower(rows: Mapping[tuple[str, str], Mapping[str, Sequence[float]]], model: str, way: str) -> str:
    """How many times longer than ours in the same round; nothing for ours, or where ours is not there."""
    ours = rows.get((model, _OURS))
    if way == _OURS or ours is None:
        return ""
    pairs = [a / b for a, b in zip(rows[model, way]["seconds"], ours["seconds"], strict=True)]
    return f"{statistics.median(pairs):.2f} ({min(pairs):.2f}–{max(pairs):.2f})"
