"""The table of docs/evaluation.json, by `make benchmark-evaluate`: scoring a model beside the usual ways."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine

EVALUATION = REPOSITORY / "docs" / "evaluation.json"
_OURS = "StreetSeg"
_HEADER = ("model, pictures, way", "pictures/s", "times slower than StreetSeg", "mIoU %")


def evaluation_lines(path: Path = EVALUATION) -> list[str]:
    """The lines of the table; `path` is the report."""
    if not path.is_file():
        return ["Not measured yet: `make benchmark-evaluate`."]
    return evaluation_table(json.loads(path.read_text(encoding="utf-8")))


def evaluation_table(report: Mapping[str, Any]) -> list[str]:
    """One row a model, kind of pictures and way; below it how it was measured, and what failed.

    Pictures a second are of the median round; times slower, the median of each round's pair, with least and most.
    """
    ours = {(row["model"], row["pictures"]): row["seconds"] for row in report["rows"] if row["way"] == _OURS}
    rows = []
    for row in report["rows"]:
        pairs = [a / b for a, b in zip(row["seconds"], ours[row["model"], row["pictures"]], strict=True)]
        slower = f"{statistics.median(pairs):.1f} ({min(pairs):.1f}–{max(pairs):.1f})"
        title = ", ".join(filter(None, (row["model"], row["pictures"], row["way"])))
        rows.append(
            [
                title,
                f"{row['images'] / statistics.median(row['seconds']):.1f}",
                "" if row["way"] == _OURS else slower,
                f"{100 * row['miou']:.2f}",
            ]
        )
    counts = sorted({f"{row['images']} {row['pictures']}" for row in report["rows"]})
    how = (
        f"{'; '.join(counts)}. {report['rounds']} rounds in which all ways take turns. "
        f"{on_machine(report)}; {on_day(report)}."
    )
    failed = [f"- {what}: {why}" for what, why in report["failures"].items()]
    return [*table(_HEADER, rows), "", how, *(["", "What did not work:", "", *failed] if failed else [])]
