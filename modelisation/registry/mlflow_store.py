"""The MLflow server or store that everything goes to: its address, its client, and its errors as sentences."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.bundle_cache import quiet_mlflow
from back.runtime.errors import UserError
from modelisation.provenance import REPOSITORY
from modelisation.registry.moved import artifacts_beside, check_in_place, check_is_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_TRACKING_URI = "http://127.0.0.1:5000"
_TRIES = 5  # each fails for one row that another process made


def default_tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else the SQLite store in the clone that `make demo` serves."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{REPOSITORY / 'store' / 'mlflow.db'}"


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The id of an experiment, which is created where missing.

    A server decides itself where artifacts go; for an SQLite store they lie beside the database.

    Raises:
        UserError: it is deleted, or its artifacts lie where the store no longer is, see `check_in_place`.
    """
    database = database_of(client.tracking_uri)
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            raise UserError(
                f"MLflow's experiment {name!r} is deleted; bring it back, with its runs: MLFLOW_TRACKING_URI="
                f"{client.tracking_uri} mlflow experiments restore --experiment-id {found.experiment_id}"
            )
        check_in_place(str(found.artifact_location), str(found.experiment_id), database)
        return str(found.experiment_id)
    if database is None:
        return _created(client, name)
    folder = artifacts_beside(database)
    folder.mkdir(parents=True, exist_ok=True)  # so that a store that has moved is told from one that is new
    return _created(client, name, folder.as_uri())


def _created(client: "MlflowClient", name: str, location: str | None = None) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException as error:
        found = client.get_experiment_by_name(name)  # another process may have been faster
        if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:
            raise
        return str(found.experiment_id)


def beside_others(write: Callable[[], object]) -> None:
    """Do what may be done twice; again, where other processes made the same row of the store at the same moment.

    Raises:
        mlflow.exceptions.MlflowException: the server refuses for another reason.
    """
    from mlflow.exceptions import MlflowException

    for left in reversed(range(_TRIES)):
        try:
            write()
            return
        except MlflowException as error:
            # What MLflow says of PostgreSQL's "duplicate key"; by then the row is there, and the next try finds it.
            if error.error_code != "BAD_REQUEST" or not left:
                raise


def database_of(tracking_uri: str) -> Path | None:
    """The file of an SQLite store; None for a server."""
    prefix = "sqlite:///"
    return Path(tracking_uri.removeprefix(prefix)) if tracking_uri.startswith(prefix) else None


def tracking_client(tracking_uri: str) -> "MlflowClient":
    """A client of an MLflow server or store; the folder of an SQLite store is made where missing."""
    quiet_mlflow()
    from mlflow import MlflowClient  # takes a second to import

    if (database := database_of(tracking_uri)) is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


@contextlib.contextmanager
def user_errors(tracking_uri: str) -> Iterator[None]:
    """Turn MLflow's exceptions into a `UserError` of one sentence.

    Raises:
        UserError: also where the store's file is some other one, which MLflow would write its tables into, and for a
            server's database itself, beside which the files of runs would lie on this machine.
    """
    if (database := database_of(tracking_uri)) is not None:
        check_is_store(database)
    elif tracking_uri.startswith(("postgresql", "mysql", "mssql")):
        raise UserError(
            "MLFLOW_TRACKING_URI names a database, beside which the files of runs would lie on this machine alone: "
            "set it to the address of the MLflow server that uses the database, as http://host:5000"
        )
    quiet_mlflow()
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first_line = str(error.message).strip().splitlines()[0][:300]
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise UserError(f"MLflow at {tracking_uri}: {first_line}; its UI lists the models") from error
        if "exceptions.ConnectionError" in repr(error.__cause__) or "Max retries exceeded" in first_line:
            raise UserError(
                f"MLflow at {tracking_uri} does not answer; start it (make demo does) or set MLFLOW_TRACKING_URI"
            ) from error
        raise UserError(f"MLflow at {tracking_uri} refused: {first_line}") from error
