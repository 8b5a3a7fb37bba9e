"""The table of docs/starts.json, which `make benchmark-starts` writes: how long people wait for a start."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine

STARTS = REPOSITORY / "docs" / "starts.json"
_HEADER = ("from the command to", "goal, s", "first time, s", "then, s", "met")


def starts_lines(path: Path = STARTS) -> list[str]:
    """The lines of the table; `path` is the report."""
    if not path.is_file():
        return ["Not measured yet: `make benchmark-starts`."]
    return starts_table(json.loads(path.read_text(encoding="utf-8")))


def starts_table(report: Mapping[str, Any]) -> list[str]:
    """One row a start: its goal, the first time (caches empty), then the median and range of the warm ones."""
    rows = []
    for start in report["starts"]:
        warm = start["warm_s"]
        middle = statistics.median(warm)
        met = "yes" if middle <= start["goal_s"] else "**no**"
        spread = f"{middle:.2f} ({min(warm):.2f}–{max(warm):.2f})"
        rows.append([start["name"], f"{start['goal_s']:g}", f"{start['first_s']:.2f}", spread, met])
    how = (
        f"Wall time; medians and ranges of {len(report['starts'][0]['warm_s'])} starts in turn, load average "
        f"{report['load']:.1f} at the begin. {on_machine(report)}; {on_day(report)}."
    )
    return [*table(_HEADER, rows), "", how]
