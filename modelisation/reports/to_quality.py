"""The table of docs/to_quality.json, by `python -m tests.benchmarks.to_quality`: seconds of training to a goal."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine

TO_QUALITY = REPOSITORY / "docs" / "to_quality.json"
OURS = "StreetSeg"
Points = Sequence[Sequence[float]]


def seconds_to(points: Points, goal: float) -> float | None:
    """Seconds trained at the first epoch that reached the goal; None where none did.

    Args:
        points: after each epoch the seconds trained until then, and mIoU (0..1).
        goal: mIoU, 0..1.
    """
    return next((seconds for seconds, miou in points if miou >= goal), None)


def best_of(points: Points) -> float:
    """The best mIoU of any epoch, 0 where there was none."""
    return max((miou for _, miou in points), default=0.0)


def to_quality_lines(path: Path = TO_QUALITY) -> list[str]:
    """The lines of the table; `path` is the report."""
    if not path.is_file():
        return ["Not measured yet: `python -m tests.benchmarks.to_quality`."]
    return to_quality_table(json.loads(path.read_text(encoding="utf-8")))


def to_quality_table(report: Mapping[str, Any]) -> list[str]:
    """A row a way: medians over the seeds, and how much longer than ours it took in the same round.

    Where a way did not reach the goal, its seconds are those of all it was given, and so "at least". The last column
    compares at a lower mIoU, too: the best that the way itself reached.
    """
    goal, rounds = report["goal"], list(report["seeds"].values())
    header = [
        "way", f"seconds to mIoU {goal:.2f}", "times ours", "seeds that reached it", "best mIoU %",
        "times ours to that best",
    ]  # fmt: skip
    rows = []
    for way in rounds[0]:
        there = [seconds_to(one[way], goal) for one in rounds]
        spent = [seconds or one[way][-1][0] for seconds, one in zip(there, rounds, strict=True)]
        mine = [seconds_to(one[OURS], goal) for one in rounds]
        pairs = [seconds / ours for seconds, ours in zip(spent, mine, strict=True) if ours is not None]
        to_best = [_times_to_best(one[way], one[OURS]) for one in rounds]
        at_least = "" if None not in there else "at least "
        cells = [way, f"{at_least}{statistics.median(spent):.0f}"]
        cells.append(f"{at_least}{statistics.median(pairs):.2f}" if pairs and way != OURS else "")
        cells.append(f"{sum(seconds is not None for seconds in there)} of {len(rounds)}")
        cells.append(f"{100 * statistics.median(best_of(one[way]) for one in rounds):.1f}")
        known = [times for times in to_best if times is not None]
        cells.append(f"{statistics.median(known):.2f}" if way != OURS and len(known) == len(rounds) else "")
        rows.append(cells)
    how = (
        f"{report['recipe']}, at most {report['epochs']} epochs of {report['pictures']} pictures, on "
        f"{report['data']}; seed{'s' if len(rounds) > 1 else ''} {', '.join(report['seeds'])}. {report['threads']} "
        f"thread{'s' if report['threads'] > 1 else ''} of {on_machine(report)}, load average "
        f"{report['load']:.1f} at the begin; {on_day(report)}."
    )
    return [*table(header, rows), "", how]


def _times_to_best(theirs: Points, ours: Points) -> float | None:
    """How much longer than ours a way took to its own best; None where ours did not get there."""
    best = best_of(theirs)
    seconds, mine = seconds_to(theirs, best), seconds_to(ours, best)
    return seconds / mine if seconds is not None and mine is not None else None
