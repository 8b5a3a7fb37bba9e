"""A store that was moved: MLflow keeps absolute paths, so it would go on writing to the old place. Needs no MLflow.

`python -m modelisation.registry.moved store/mlflow.db` writes the new place into the database, after a copy of it.
"""

import argparse
import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from back.runtime.errors import UserError, sentence_of

# Where MLflow keeps places of artifacts: its own schema, table -> columns.
PLACES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
    "trace_tags": ("value",),
}


def artifacts_beside(database: Path) -> Path:
    """The folder of artifacts of an SQLite store, as an absolute path."""
    return (database.parent / "artifacts").resolve()


def check_in_place(location: str, experiment_id: str, database: Path | None) -> None:
    """Check that an experiment's artifacts go where its store is.

    Args:
        location: of the experiment's artifacts, as MLflow has it.
        experiment_id: the folder's name where a server chose it.
        database: the store's SQLite file; None where a server hides it.

    Raises:
        UserError: the folder is not there, or is that of the store which this one is a copy of; with the command that
            mends it.
    """
    if (root := _root(location, experiment_id)) is None:
        return
    if database is None:
        if not root.exists():
            raise UserError(_sentence(root, "which is not there: its store has moved", "store/mlflow.db"))
        return
    if root.resolve() == artifacts_beside(database):
        return
    if not root.exists():
        raise UserError(_sentence(root, "which is not there: the store has moved", str(database)))
    origin = root.parent / database.name
    if origin.is_file() and not os.path.samefile(origin, database):
        raise UserError(_sentence(root, "the folder of the store that this one is a copy of", str(database)))


def check_is_store(database: Path) -> None:
    """Raises UserError: the file is there, not empty, and no database of MLflow's; a missing one will be its."""
    if not database.is_file() or not database.stat().st_size:
        return
    with opened(database) as connection:
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    if tables and not {"experiments", "runs"} <= tables:
        raise UserError(f"{database} is a database of another program; give MLflow a file of its own")


def check_database(database: Path, experiment: str) -> None:
    """`check_in_place` for an experiment of an SQLite file that no server serves; a missing file is in place."""
    if not database.is_file():
        return
    with opened(database) as connection:
        if not columns_of(connection, "experiments"):
            return
        row = connection.execute(
            "select artifact_location, experiment_id from experiments where name = ?", (experiment,)
        ).fetchone()
    if row is not None and row[0]:
        check_in_place(row[0], str(row[1]), database)


def mend(database: Path) -> int:
    """Let every artifact of a store that has moved be looked for beside its database.

    The database is copied first, to a name that is free: `<name>.before-move`, with a number where it is taken.

    Returns:
        How many places were changed; 0 where all were right.

    Raises:
        UserError: there is no such database, it is none of MLflow's, or the artifacts are not beside it.
    """
    if not database.is_file():
        raise UserError(f"{database}: no such file; name the store's mlflow.db")
    new = artifacts_beside(database)
    with opened(database) as connection:
        if not columns_of(connection, "experiments"):
            raise UserError(f"{database}: no database of MLflow's")
        experiments = connection.execute("select artifact_location, experiment_id from experiments").fetchall()
        roots = {root for location, number in experiments if (root := _stale(location, str(number), database))}
        if not roots:
            return 0
        if not new.is_dir():
            raise UserError(f"{new}: no such folder; move the store's artifacts there, beside {database.name}")
        _copy(database)
        changed = 0
        for table, columns in PLACES.items():
            for column in set(columns) & columns_of(connection, table):
                read = f"select distinct {column} from {table}"  # nosec B608 # the names are ours
                update = f"update {table} set {column} = ? where {column} = ?"  # nosec B608
                for place in connection.execute(read).fetchall():
                    if (moved := _moved(place[0], roots, new)) is not None:
                        changed += connection.execute(update, (moved, place[0])).rowcount
        connection.commit()
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Mend a store; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m modelisation.registry.moved",
        description="After a store was moved or copied: let MLflow look for its artifacts beside its database.",
        epilog="example: python -m modelisation.registry.moved store/mlflow.db",
    )
    parser.add_argument("database", type=Path, help="the store's SQLite file; stop what uses it first")
    database = parser.parse_args(arguments).database
    try:
        changed = mend(database)
    except (UserError, OSError) as error:
        print(sentence_of(error), file=sys.stderr)
        return 2
    print(f"{changed} places now lie in {artifacts_beside(database)}" if changed else "Every place is right already.")
    return 0


def local_folder(location: str | None) -> Path | None:
    """The folder of a location as MLflow has it; None where it is not on this machine, or a relative path."""
    parts = urlsplit(location or "")
    if not location or parts.scheme not in ("", "file"):
        return None
    path = Path(url2pathname(parts.path) if parts.scheme else location)
    return path if path.is_absolute() else None


def moved_place(place: str | None, old: Path, new: str) -> str | None:
    """A place within the folder `old`, written as a path or a file URI, as one within `new`; None for any other."""
    for start in (old.as_uri(), str(old)):
        if place is not None and (place == start or place.startswith(f"{start}/")):
            return new.rstrip("/") + (place.removeprefix(start) or "/" * new.endswith("/"))
    return None


def _root(location: str | None, experiment_id: str) -> Path | None:
    """The local folder of all artifacts that an experiment's location lies in; None where they are not files."""
    path = local_folder(location)
    return path.parent if path is not None and path.name == experiment_id else path


def _stale(location: str | None, experiment_id: str, database: Path) -> Path | None:
    root = _root(location, experiment_id)
    try:
        if root is not None and root.name == "artifacts":
            check_in_place(str(location), experiment_id, database)
    except UserError:
        return root
    return None


def _moved(place: str | None, roots: set[Path], new: Path) -> str | None:
    now = new.as_uri() if place is not None and place.startswith("file:") else str(new)
    return next((moved for root in roots if (moved := moved_place(place, root, now)) is not None), None)


def _copy(database: Path) -> None:
    copy, number = database.with_name(f"{database.name}.before-move"), 1
    while copy.exists():
        number += 1
        copy = database.with_name(f"{database.name}.before-move-{number}")
    shutil.copy2(database, copy)


def columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"pragma table_info({table})")}


@contextlib.contextmanager
def opened(database: Path):  # type: ignore[no-untyped-def]
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise UserError(f"{database}: {error}; stop what uses the store, or name another file") from error


def _sentence(root: Path, what: str, database: str) -> str:
    return (
        f"MLflow keeps its files in {root}, {what}. Say where they are now with "
        f"`python -m modelisation.registry.moved {database}`"
    )


if __name__ == "__main__":
    sys.exit(main())
