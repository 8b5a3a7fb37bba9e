"""The jobs that there are, in SQLite: what was asked for, what became of it.

The table outlives the API, and several processes of one machine may use it.
"""

import errno
import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

# `held`: what was sent has been looked at, and waits for a word to begin.
State = Literal["held", "queued", "running", "done", "failed"]
Kind = Literal["clip", "evaluation"]
UNFINISHED: tuple[State, ...] = ("queued", "running")
_COLUMNS = "id TEXT PRIMARY KEY, owner TEXT, state TEXT, created REAL, ended REAL, starts INTEGER, told TEXT"


@dataclass(frozen=True)
class Told:
    """What is only read back: kept as JSON.

    Attributes:
        model, version: that label the clip or the photos, and `bundle`, the folder they lie in.
        options: of a clip fields of `ClipOptions`; of an evaluation `folder`, `split`, `label_kind` and `clips`.
        facts: what was found in what was sent, as the kind's `look` tells it.
        files: names in the job's folder, by what they are.
        frames: frames or photos worked on in the end.
        notes: sentences on what could not be used.
        error: why it failed, a sentence.
        kind: of the job.
        other: of a second model the same three.
    """

    model: str
    version: str
    bundle: str
    options: Mapping[str, Any]
    facts: Mapping[str, Any]
    files: Mapping[str, str]
    frames: int | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    kind: Kind = "clip"
    other: Mapping[str, str] | None = None


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

    def next(self) -> Job | None:
        """The job that has waited for longest."""
        found = self._jobs("WHERE state = 'queued' ORDER BY created LIMIT 1")
        return found[0] if found else None

    def queue_interrupted(self) -> None:
        """Let what an API worked on that has ended wait again."""
        self._run("UPDATE jobs SET state = 'queued' WHERE state = 'running'")

    def remove(self, name: str) -> None:
        self._run("DELETE FROM jobs WHERE id = ?", name)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _jobs(self, where: str, *values: object) -> list[Job]:
        columns = "id, owner, state, created, ended, starts, told"
        rows = self._run(f"SELECT {columns} FROM jobs {where}", *values)  # nosec B608 # `where` is ours
        return [
            Job(name, owner, state, created, _told_of(json.loads(told)), ended, starts)
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


def _told_of(kept: dict[str, Any]) -> Told:
    if "clip" in kept:  # as it was called when there were clips alone
        kept["facts"] = kept.pop("clip")
    return Told(**kept)
