"""A store moved from SQLite and a folder to PostgreSQL and an object store; needs no torch.

`python -m modelisation.registry.to_postgresql store/mlflow.db`, with where to in the variables that the MLflow server
reads. MLflow's own tools go from folders to SQLite, or copy runs under new ids; here every run, model, version, alias
and tag stays what it is.
"""

import argparse
import contextlib
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.bundle_cache import quiet_mlflow
from back.runtime.errors import UserError, sentence_of
from modelisation.registry.artifact_copy import Folder, copy_artifacts
from modelisation.registry.moved import (
    artifacts_beside,
    check_in_place,
    check_is_store,
    columns_of,
    local_folder,
    moved_place,
    opened,
)
from modelisation.registry.rows import check_empty, copy_rows

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

PROXY = "mlflow-artifacts:/"  # places that the MLflow server gives access to, wherever its destination is
TARGET, DESTINATION = "MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"
# What is said of at the end: table -> what its rows are.
_TOLD = {
    "runs": "runs", "metrics": "metric values", "params": "parameters", "tags": "tags of runs",
    "logged_models": "logged models", "registered_models": "registered models", "model_versions": "versions",
    "registered_model_aliases": "aliases", "model_version_tags": "tags of versions",
}  # fmt: skip


@dataclass(frozen=True)
class Moved:
    """What is in the new store."""

    rows: dict[str, int]  # by table
    files: int


def move(database: Path, target: str, destination: str) -> Moved:
    """Copy a store; the old one is only read. Files come first, then all rows in one transaction.

    Args:
        database: the SQLite file; its artifacts lie in `artifacts` beside it, or where its experiments say.
        target: `postgresql://user:password@host/name` of an empty database.
        destination: `s3://bucket/prefix` or a folder. What is there already must be the same file.

    Raises:
        UserError: one of the three cannot be used, or the old store was written to meanwhile. The new database then
            holds nothing; files that were copied stay, and a second try goes on from them.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    if not database.is_file():
        raise UserError(f"{database}: no such file; name the store's mlflow.db")
    check_is_store(database)
    address = _address(target)
    stamp = _stamp(database)
    with tempfile.TemporaryDirectory() as scratch:
        copy = _copy(database, Path(scratch))
        folders = _folders(copy, database)
        old = create_engine(f"sqlite:///{copy}")
        try:
            create_engine(address).connect().close()  # MLflow would try for minutes
            new = _made(target, address)
            with new.connect() as connection:
                check_empty(connection)
            _bring_up_to_date(old, new)
            files = copy_artifacts(folders, destination)
            with old.connect() as source, new.begin() as connection:
                rows = copy_rows(source, connection, lambda place: _new_place(place, folders))
                if _stamp(database) != stamp:
                    raise UserError(f"{database} was written to meanwhile; stop what uses it, and try again")
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise UserError(f"{address.render_as_string()} cannot be used: {reason}") from error
        finally:
            old.dispose()
    return Moved(rows, files)


def main(arguments: Sequence[str] | None = None) -> int:
    """Move a store; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m modelisation.registry.to_postgresql",
        description="Copy an MLflow store of SQLite and a folder to PostgreSQL and an object store, or a folder. "
        f"Where to: the variables {TARGET} and {DESTINATION}, which the MLflow server is then started with. "
        "The old store stays as it is.",
        epilog=f"example: {TARGET}=postgresql://mlflow:password@db/mlflow {DESTINATION}=s3://models/mlflow "
        "python -m modelisation.registry.to_postgresql store/mlflow.db",
    )
    parser.add_argument("database", type=Path, help="the store's SQLite file; stop what writes to it first")
    database = parser.parse_args(arguments).database
    try:
        target, destination = (_variable(name) for name in (TARGET, DESTINATION))
        moved = move(database, target, destination)
    except (UserError, OSError) as error:
        print(sentence_of(error), file=sys.stderr)
        return 2
    counts = [f"{moved.rows[table]} {what}" for table, what in _TOLD.items() if table in moved.rows]
    print(f"Copied and counted: {', '.join([*counts, f'{moved.files} files'])}.")
    print(f"{database} is as it was. Start the MLflow server with the same {TARGET} and {DESTINATION}.")
    return 0


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise UserError(f"Set {name}: it says where to; --help shows an example")
    return value


def _address(target: str) -> "URL":
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(target)
    except ArgumentError as error:
        raise UserError(f"{TARGET} is no address; write postgresql://user:password@host/name") from error
    if address.get_backend_name() != "postgresql" or not address.database:
        raise UserError(f"{TARGET}={address.render_as_string()}: write postgresql://user:password@host/name")
    return address


def _stamp(database: Path) -> list[tuple[int, int] | None]:
    """Changes with every write to an SQLite file."""
    files = (database, database.with_name(f"{database.name}-wal"))
    return [(s.st_mtime_ns, s.st_size) if (s := _stat(file)) else None for file in files]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _copy(database: Path, folder: Path) -> Path:
    copy = folder / "mlflow.db"
    with opened(database) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _folders(copy: Path, database: Path) -> list[Folder]:
    """The folders of artifacts, and their places in the new store: the one beside the database is its root."""
    main = artifacts_beside(database)
    folders = [Folder(main, PROXY)]
    with opened(copy) as connection:
        if not columns_of(connection, "runs"):
            raise UserError(f"{database}: no database of MLflow's")
        used = "select distinct experiment_id from runs union select distinct experiment_id from logged_models"
        filled = {row[0] for row in connection.execute(used)}
        for number, location in connection.execute("select experiment_id, artifact_location from experiments"):
            folder = local_folder(location)
            if folder is None or folder.resolve() == main or main in folder.resolve().parents:
                continue
            if number in filled and not folder.exists():
                check_in_place(location, str(number), database)
            folders.append(Folder(folder, f"{PROXY}{number}"))
    return folders


def _new_place(place: str | None, folders: Sequence[Folder]) -> str | None:
    return next((new for folder in folders if (new := moved_place(place, folder.path, folder.place))), None)


def _made(target: str, address: "URL") -> "Engine":
    """The new database, with MLflow's tables."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with _quiet():
        try:
            return SqlAlchemyStore(target, PROXY).engine
        except MlflowException as error:
            first = str(error.message).strip().splitlines()[0]
            raise UserError(f"{address.render_as_string()} cannot be used: {first}") from error


def _bring_up_to_date(old: "Engine", new: "Engine") -> None:
    """Bring the copy of the old database to the schema of this MLflow."""
    from mlflow.store.db.utils import _get_schema_version, _upgrade_db

    if _get_schema_version(old) == _get_schema_version(new):
        return
    with _quiet():
        try:
            _upgrade_db(old)
        except Exception as error:  # whatever alembic and its scripts raise
            raise UserError(
                f"the old store is of a newer MLflow, or damaged ({error}); install that MLflow"
            ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without MLflow's lines about each step of a schema."""
    import logging

    loggers = [logging.getLogger(name) for name in ("mlflow.store.db.utils", "alembic.runtime.migration")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


if __name__ == "__main__":
    quiet_mlflow()
    sys.exit(main())
