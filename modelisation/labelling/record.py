"""What was labelled into a folder, in a database beside the labels: a process that is killed loses none of it.

SQLite commits each photo, so that memory and time do not grow with what is done already. The tables that people read
are made of it, see `tables.py`.
"""

import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from back.runtime.errors import UserError
from back.runtime.layouts.listing import shown
from modelisation.outputs.mark import Mark, read_mark, write_mark
from modelisation.outputs.memory import marked_files

RECORD_FILE = "run.sqlite"
_APPLICATION, _VERSION = 0x53745367, 1  # as SQLite keeps them in a file's header: whose it is
# Of an output there are two contents while it is being replaced: a process that is killed then left one or the other.
_SCHEMA = """
CREATE TABLE hows (id INTEGER PRIMARY KEY, identity TEXT, told TEXT, UNIQUE (identity, told));
CREATE TABLE photos (name TEXT PRIMARY KEY, sha256 TEXT, how INTEGER, row TEXT) WITHOUT ROWID;
CREATE TABLE errors (file TEXT PRIMARY KEY, error TEXT) WITHOUT ROWID;
CREATE TABLE outputs (name TEXT, sha256 TEXT, PRIMARY KEY (name, sha256)) WITHOUT ROWID;
"""


class Record:
    """The memory of an `OutputFolder` for any number of files, and what is known of each photo. Close it.

    Args:
        folder: of the labels; nothing is written before `begin`.

    Raises:
        UserError: the folder is not ours, its database is not ours, or another process writes to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._marked = folder, marked_files(folder)
        self._db: sqlite3.Connection | None = None
        self._how = 0
        if os.path.lexists(folder / RECORD_FILE):
            self._open()

    def close(self) -> None:
        """Let other processes in."""
        if self._db is not None:
            self._db.close()

    def begin(self, identity: str, told: Mapping[str, Any]) -> None:
        """Begin a run: errors of earlier ones are forgotten, since all that failed is tried again.

        Args:
            identity: of the model and of the options; photos that were labelled with the same need not be again.
            told: what the tables say of the model, plain JSON values.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if read_mark(self._folder) is None:
            write_mark(self._folder, Mark(kind="files"))
        if self._db is None:
            self._open()
        with self._writing() as db:
            db.execute("DELETE FROM errors")
            key = identity, json.dumps(told)
            db.execute("INSERT OR IGNORE INTO hows (identity, told) VALUES (?, ?)", key)
            (self._how,) = db.execute("SELECT id FROM hows WHERE identity = ? AND told = ?", key).fetchone()

    def known(self, name: str, identity: str) -> str | None:
        """sha256 of the photo of this name that was labelled with such a model and options."""
        found = self._ask(
            "SELECT sha256 FROM photos JOIN hows ON how = id WHERE name = ? AND identity = ?", shown(name), identity
        )
        return found[0][0] if found else None

    def done(self, name: str, file: str, sha256: str, row: Mapping[str, Any]) -> None:
        """A photo is labelled, and its files are written; `row` are the table's values."""
        values = shown(name), sha256, self._how, json.dumps({"file": shown(file), **row})
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?)", values)

    def unchanged(self, name: str, file: str) -> None:
        """A photo was labelled before, perhaps as a file of another place."""
        ((text,),) = self._ask("SELECT row FROM photos WHERE name = ?", shown(name))
        row = json.loads(text)
        if row["file"] != shown(file):
            with self._writing() as db:
                text = json.dumps(row | {"file": shown(file)})
                db.execute("UPDATE photos SET row = ? WHERE name = ?", (text, shown(name)))

    def failed(self, name: str | None, file: str, error: str) -> None:
        """A photo has no labels, and why; `name` is None where it would have none either."""
        with self._writing() as db:
            if name is not None:
                db.execute("DELETE FROM photos WHERE name = ?", (shown(name),))
            db.execute("INSERT OR REPLACE INTO errors VALUES (?, ?)", (shown(file), error))

    def results(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """What was told of the model, and the row of each photo that is labelled, in the order of their names."""
        assert self._db is not None
        hows = {id_: json.loads(told) for id_, told in self._ask("SELECT id, told FROM hows")}
        rows = self._db.execute("SELECT name, sha256, how, row FROM photos ORDER BY name")
        for name, sha256, how, text in rows:
            yield hows[how], {"name": name, "sha256": sha256, **json.loads(text)}

    def models(self) -> list[dict[str, Any]]:
        """What was told of each model that labelled one of the photos."""
        return [
            json.loads(told) for (told,) in self._ask("SELECT told FROM hows WHERE id IN (SELECT how FROM photos)")
        ]

    def errors(self) -> Iterator[tuple[str, str]]:
        """File and reason of each photo of this run without labels, in the order of the files."""
        assert self._db is not None
        yield from self._db.execute("SELECT file, error FROM errors ORDER BY file")

    def hashes(self, name: str) -> Collection[str]:
        marked = {self._marked[name]} if name in self._marked else set()
        return marked | {one for (one,) in self._ask("SELECT sha256 FROM outputs WHERE name = ?", name)}

    def before(self, name: str, sha256: str) -> None:
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO outputs VALUES (?, ?)", (name, sha256))

    def after(self, name: str, sha256: str) -> None:
        if self._ask("SELECT 1 FROM outputs WHERE name = ? AND sha256 != ?", name, sha256):
            with self._writing() as db:
                db.execute("DELETE FROM outputs WHERE name = ? AND sha256 != ?", (name, sha256))

    def save(self) -> None:
        pass  # every step is

    def _ask(self, question: str, *values: str) -> list[Any]:
        if self._db is None:
            return []
        with _told(self._folder):
            return self._db.execute(question, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        assert self._db is not None
        with _told(self._folder), self._db:
            self._db.execute("BEGIN")
            yield self._db

    def _open(self) -> None:
        path = self._folder / RECORD_FILE
        with _told(self._folder):
            db = sqlite3.connect(path, timeout=0, isolation_level=None)
            try:
                # One process at a time; and then WAL needs no memory shared by processes, which network disks lack.
                db.execute("PRAGMA locking_mode = EXCLUSIVE")
                if not db.execute("SELECT name FROM sqlite_master").fetchall():
                    db.execute("PRAGMA journal_mode = WAL")
                    whose = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION};"
                    db.executescript(f"BEGIN EXCLUSIVE; {_SCHEMA} {whose} COMMIT;")
                found = [db.execute(f"PRAGMA {key}").fetchone()[0] for key in ("application_id", "user_version")]
                if found != [_APPLICATION, _VERSION]:
                    raise UserError(
                        f"{path} is not ours, or of another version, and stays as it is; choose another folder"
                    )
                db.executescript("BEGIN EXCLUSIVE; COMMIT; PRAGMA synchronous = NORMAL;")
            except BaseException:
                db.close()
                raise
        self._db = db


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """SQLite's errors as sentences."""
    path = folder / RECORD_FILE
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise UserError(
                f"{folder}: another predict writes there; wait for it, or choose another folder"
            ) from error
        raise UserError(f"{path} cannot be used ({error}); mend that, or choose another folder") from error
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{path} is not ours, or damaged ({error}), and stays as it is; choose another folder"
        ) from error
