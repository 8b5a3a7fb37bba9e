"""The jobs that there are, in SQLite: what was asked for, what became of it. It outlives the API."""

import errno
import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed"]
UNFINISHED: tuple[State, ...] = ("queued", "running")
_COLUMNS = "id TEXT PRIMARY KEY, owner TEXT, state TEXT, created REAL, ended REAL, starts INTEGER, told TEXT"


@dataclass(frozen=True)
class Told:
    """What is only read back: kept as JSON.

    Attributes:
        model, version: that label the clip, and `bundle`, the folder they lie in.
        options: fields of `ClipOptions`.
        clip: what the clip's header says: width, height, seconds, frames, codec, sound.
        files: names in the job's folder, by the fields of `ClipFiles`.
        frames: labelled in the end.
        notes: sentences on what of the clip could not be decoded.
        error: why it failed, a sentence.
    """

    model: str
    version: str
    bundle: str
    options: Mapping[str, Any]
    clip: Mapping[str, Any]
    files: Mapping[str, str]
    frames: int | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None


# SQLite's errors that are the disk's, not the table's -> what the system calls them.
_OF_THE_DISK = {
    "SQLITE_FULL": errno.ENOSPC,
    "SQLITE_IOERR_SHMSIZE": errno.ENOSPC,
    "SQLITE_READONLY": errno.EROFS,
}


@dataclass(frozen=True)
class Job:
    """One job; times are seconds since 1970, `owner` is the name of its maker's key, `starts` how often it began."""

    id: str
    owner: str | None
    state: State
    created: float
    told: Told
    ended: float | None = None
    starts: int = field(default=0)


class JobTable:
    """The table in a file. May be used by several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._run("PRAGMA journal_mode=WAL")
        self._run(f"CREATE TABLE IF NOT EXISTS jobs ({_COLUMNS})")

    def add(self, job: Job) -> None:
        """Write a new job."""
        row = (job.id, job.owner, job.state, job.created, job.ended, job.starts, json.dumps(asdict(job.told)))
        self._run("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", *row)

    def change(self, job: Job) -> None:
        """Write what has become of a job; one that was removed meanwhile stays away."""
        row = (job.state, job.ended, job.starts, json.dumps(asdict(job.told)), job.id)
        self._run("UPDATE jobs SET state = ?, ended = ?, starts = ?, told = ? WHERE id = ?", *row)

    def get(self, name: str) -> Job | None:
        found = self._jobs("WHERE id = ?", name)
        return found[0] if found else None

    def all(self) -> list[Job]:
        """Every job, the oldest first."""
        return self._jobs("ORDER BY created")

    def remove(self, name: str) -> None:
        self._run("DELETE FROM jobs WHERE id = ?", name)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _jobs(self, where: str, *values: object) -> list[Job]:
        columns = "id, owner, state, created, ended, starts, told"
        rows = self._run(f"SELECT {columns} FROM jobs {where}", *values)  # nosec B608 # `where` is ours
        return [
            Job(name, owner, state, created, Told(**json.loads(told)), ended, starts)
            for name, owner, state, created, ended, starts, told in rows
        ]

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._database.execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:
                for name, reason in _OF_THE_DISK.items():
                    if error.sqlite_errorname.startswith(name):
                        raise OSError(reason, str(error)) from error
                raise
