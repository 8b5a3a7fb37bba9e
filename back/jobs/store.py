"""Opens what is kept of jobs: the folder and the table. What is damaged there is named, never deleted."""

import json
import sqlite3
from pathlib import Path

from back.jobs.folder import JobFolder
from back.jobs.table import JobTable
from back.runtime.errors import UserError

TABLE_FILE = "jobs.db"
_ELSEWHERE = "set STREETSEG_JOBS_DIR to another folder"


def open_store(path: Path) -> tuple[JobFolder, JobTable]:
    """The folder with its table.

    Raises:
        UserError: it cannot be written to, or its table is damaged.
    """
    try:
        folder = JobFolder(path)
    except OSError as error:
        raise UserError(_unwritable(path, error)) from error
    table = path / TABLE_FILE
    try:
        with folder.opening():
            opened = JobTable(table)
            opened.all()
        return folder, opened
    except (sqlite3.Error, json.JSONDecodeError, TypeError) as error:
        folder.close()
        raise UserError(f"{table} cannot be used ({error}); move {path} away, or {_ELSEWHERE}") from error
    except OSError as error:
        folder.close()
        raise UserError(_unwritable(path, error)) from error


def _unwritable(path: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{path} cannot be written to ({reason}); make room there, or {_ELSEWHERE}"
