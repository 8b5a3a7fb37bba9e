"""The table of docs/scale.json, which `make benchmark-scale` writes: labelling by the plain pool and by Ray."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine, versions

SCALE_REPORT = REPOSITORY / "docs" / "scale.json"
Report = Mapping[str, Any]
BARE, POOL = "bare engine", "pool"
_HEADER = ("way", "photos/s", "of the bare engine's", "of the pool's", "s before the first", "s in all")


def labelling_lines(path: Path = SCALE_REPORT) -> list[str]:
    """The lines of the table; `path` is the report."""
    if not path.is_file():
        return ["Not measured yet: `make benchmark-scale`."]
    return labelling_table(json.loads(path.read_text(encoding="utf-8")))


def labelling_table(report: Report) -> list[str]:
    """One row a way, medians over the rounds with the least and the most; below it how it was measured."""
    part = report["labelling"]
    runs = part["runs"]
    rows = [
        [
            name,
            spread([run["rate"] for run in own], 1),
            spread(_shares(own, runs[BARE]), 2) if name != BARE else "",
            spread(_shares(own, runs[POOL]), 2) if name not in (BARE, POOL) else "",
            spread([run["first_s"] for run in own], 1) if name != BARE else "",
            spread([run["seconds"] for run in own], 1),
        ]
        for name, own in runs.items()
    ]
    photos = part["photos"]
    how = (
        f"{part['model']}, {photos['number']} {photos['kind']} of {photos['width']}x{photos['height']}; "
        f"{part['rounds']} rounds in which all ways take turns: medians, least and most. Photos/s count from the "
        f"sixteenth labels that are written to the last. {on_machine(report)}; {versions(report['packages'])}; "
        f"{on_day(report)}."
    )
    return [*table(_HEADER, rows), "", how]


def _shares(own: list[Report], other: list[Report]) -> list[float]:
    return [one["rate"] / two["rate"] for one, two in zip(own, other, strict=True)]


def spread(values: list[float], digits: int) -> str:
    """Median, least and most."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"
