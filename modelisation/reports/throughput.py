"""The tables of docs/folders.json and docs/clips.json: photos and frames a second from file to file."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY, git_state, machine
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine

FOLDERS, CLIPS = REPOSITORY / "docs" / "folders.json", REPOSITORY / "docs" / "clips.json"
FOLDER_HEADER = ("folder and way", "photos/s", "of the bare engine's", "times the pipeline's", "s before the first")
CLIP_HEADER = ("clip", "frames/s", "of the bare engine's", "processor ms a frame")


def write_throughput(path: Path, what: str, rows: Sequence[Sequence[str]]) -> None:
    """Keep what was measured: `rows` are the table's cells, `what` says what was run."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    report = {"schema_version": 1, "date": date, **git_state(), "machine": machine(), "what": what, "rows": rows}
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def folder_lines(path: Path = FOLDERS) -> list[str]:
    """The lines of the folders' table; `path` is the report."""
    return _lines(path, FOLDER_HEADER, "make benchmark-folders")


def clip_lines(path: Path = CLIPS) -> list[str]:
    """The lines of the clips' table; `path` is the report."""
    return _lines(path, CLIP_HEADER, "make benchmark-clips")


def _lines(path: Path, header: Sequence[str], command: str) -> list[str]:
    if not path.is_file():
        return [f"Not measured yet: `{command}`."]
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    how = f"{report['what']}. {on_machine(report)}; {on_day(report)}."
    return [*table(header, report["rows"]), "", how]
