"""Opens what is kept of jobs: the folder, the table and the queue. What is damaged there is named, never deleted."""

import json
import sqlite3
from pathlib import Path

from huey import SqliteHuey

from back.jobs.folder import JobFolder
from back.jobs.table import JobTable
from back.runtime.errors import UserError

_ELSEWHERE = "set STREETSEG_JOBS_DIR to another folder"


def open_store(path: Path) -> tuple[JobFolder, JobTable, SqliteHuey]:
    """The folder, held by this process, with its table and an empty queue.

    Raises:
        UserError: another API works in it, it cannot be written to, or its table is damaged.
    """
    try:
        folder = JobFolder(path)
    except OSError as error:
        raise UserError(_unwritable(path, error)) from error
    table = path / "jobs.db"
    try:
        opened = JobTable(table)
        opened.all()
        # The table says what there is to do: a task that was taken out when the last API died is in no queue.
        for queue in path.glob("queue.db*"):
            queue.unlink()
        return folder, opened, SqliteHuey("clips", filename=str(path / "queue.db"), results=False)
    except (sqlite3.Error, json.JSONDecodeError, TypeError) as error:
        folder.close()
        raise UserError(f"{table} cannot be used ({error}); move {path} away, or {_ELSEWHERE}") from error
    except OSError as error:
        folder.close()
        raise UserError(_unwritable(path, error)) from error


def _unwritable(path: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{path} cannot be written to ({reason}); make room there, or {_ELSEWHERE}"
