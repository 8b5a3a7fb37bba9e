"""Bundles in MLflow's model registry: put one in with its training curves, get one out. Needs no torch."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.runtime.bundle_cache import fetch_bundle, quiet_mlflow
from back.runtime.card import (
    CARD_FILE,
    ONNX_FILE,
    BundleError,
    Card,
    read_card,
    sha256_of,
    verify_files,
)
from modelisation.export.gate import parity_failure
from modelisation.provenance import REPOSITORY
from modelisation.registry.history import replay_history
from modelisation.registry.logged_model import log_model, name_version
from modelisation.registry.story import tell_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_TRACKING_URI = "http://127.0.0.1:5000"
CHAMPION = "champion"
CACHE = REPOSITORY / ".cache" / "bundles"
_URI = re.compile(r"^models:/(?P<name>[^@/]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))$")


class RegistryError(RuntimeError):
    """MLflow does not answer or does not hold what was asked for: says what to do."""


@dataclass(frozen=True)
class RegisteredVersion:
    """A version in the registry; `created` is False where the same bundle was there already."""

    name: str
    version: str
    run_id: str
    created: bool = True


def register_bundle(
    bundle: Path,
    *,
    tracking_uri: str,
    experiment: str = "streetseg",
    alias: str = "candidate",
    run_id: str | None = None,
) -> RegisteredVersion:
    """Register a bundle under its card's name and point an alias at it.

    The same bundle (card and weights) is registered once: a second call only moves the alias. A card that changed,
    for instance because it was evaluated again, is a new version.

    Args:
        bundle: folder with the card and the files that it lists; verified first.
        tracking_uri: MLflow server, or a store such as sqlite:///mlflow.db.
        experiment: MLflow experiment of the replayed run; created where missing.
        alias: candidate, or champion for a bundle that carries a passed parity report.
        run_id: run that trained it, which may have registered an earlier version; None makes one and replays
            history.json into it (params, tags, metrics).

    Raises:
        BundleError: a file is missing or does not match the card, or a champion has not passed the parity gate.
        RegistryError: MLflow does not answer or refuses.
    """
    card = read_card(bundle)
    verify_files(bundle, card)
    if alias == CHAMPION and (failure := parity_failure(bundle)):
        raise BundleError(failure)
    tags = _version_tags(bundle, card)
    with explained(tracking_uri):
        client = tracking_client(tracking_uri)
        version = _find_version(client, card.name, tags)
        created = version is None
        if version is None:
            run_id = run_id or replay_history(client, bundle, experiment_id(client, experiment))
            version = _create_version(client, bundle, card, run_id, tags)
        client.set_registered_model_alias(card.name, alias, str(version.version))
        return RegisteredVersion(card.name, str(version.version), str(version.run_id or ""), created)


def resolve_model(uri_or_path: str | Path, *, tracking_uri: str | None = None, cache_dir: Path = CACHE) -> Path:
    """The bundle folder that a user means.

    Args:
        uri_or_path: a bundle folder, `models:/name@alias` or `models:/name/3`.
        tracking_uri: default see `default_tracking_uri`.
        cache_dir: where downloaded bundles are kept.

    Raises:
        BundleError: no such folder, or it holds no card.
        RegistryError: MLflow does not answer or knows no such version.
    """
    text = str(uri_or_path)
    if not text.startswith("models:"):
        path = Path(uri_or_path)
        read_card(path)
        return path
    uri = tracking_uri or default_tracking_uri()
    with explained(uri):
        client = tracking_client(uri)
        found = _version_of(client, text)
        bundle = fetch_bundle(client, str(found.name), str(found.version), cache_dir)
    verify_files(bundle, read_card(bundle))
    return bundle


def run_of(uri_or_path: str | Path, *, tracking_uri: str | None = None) -> str | None:
    """The id of the MLflow run that a registered model came from; None for a bundle folder.

    Raises:
        RegistryError: MLflow does not answer or knows no such version.
    """
    text = str(uri_or_path)
    if not text.startswith("models:"):
        return None
    uri = tracking_uri or default_tracking_uri()
    with explained(uri):
        return str(_version_of(tracking_client(uri), text).run_id or "") or None


def _version_of(client: "MlflowClient", uri: str) -> Any:
    match = _URI.match(uri)
    if match is None:
        raise RegistryError(f"{uri}: write models:/name@alias or models:/name/3, or the path of a bundle folder")
    if match["alias"] is not None:
        return client.get_model_version_by_alias(match["name"], match["alias"])
    return client.get_model_version(match["name"], match["version"])


def default_tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else the SQLite store in the clone that `make demo` serves."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{REPOSITORY / 'store' / 'mlflow.db'}"


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The id of an experiment, which is created where missing.

    A server decides itself where artifacts go; for an SQLite store they lie beside the database.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    database = _database(client.tracking_uri)
    location = None if database is None else (database.parent / "artifacts").resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def _database(tracking_uri: str) -> Path | None:
    prefix = "sqlite:///"
    return Path(tracking_uri.removeprefix(prefix)) if tracking_uri.startswith(prefix) else None


def tracking_client(tracking_uri: str) -> "MlflowClient":
    """A client of an MLflow server or store; the folder of an SQLite store is made where missing."""
    quiet_mlflow()
    from mlflow import MlflowClient  # takes a second to import

    if (database := _database(tracking_uri)) is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


@contextlib.contextmanager
def explained(tracking_uri: str) -> Iterator[None]:
    """Turn MLflow's exceptions into a `RegistryError` of one sentence."""
    quiet_mlflow()
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first_line = str(error.message).strip().splitlines()[0][:300]
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise RegistryError(f"MLflow at {tracking_uri}: {first_line}; its UI lists the models") from error
        if "exceptions.ConnectionError" in repr(error.__cause__) or "Max retries exceeded" in first_line:
            raise RegistryError(
                f"MLflow at {tracking_uri} does not answer; start it (make demo does) or set MLFLOW_TRACKING_URI"
            ) from error
        raise RegistryError(f"MLflow at {tracking_uri} refused: {first_line}") from error


def _version_tags(bundle: Path, card: Card) -> dict[str, str]:
    # The card holds the sha256 of every file, so its own stands for the whole bundle.
    tags = {
        "sha256": card.files[ONNX_FILE],
        "card_sha256": sha256_of(bundle / CARD_FILE),
        "taxonomy": card.taxonomy.id,
        "architecture": card.architecture,
    }
    return tags | ({"miou": f"{card.metrics.miou:.4f}"} if card.metrics else {})


def _find_version(client: "MlflowClient", name: str, tags: Mapping[str, str]) -> Any:
    same = ("sha256", "card_sha256")
    return next(
        (
            version
            for version in client.search_model_versions(f"name='{name}'")
            if all(version.tags.get(key) == tags[key] for key in same)
        ),
        None,
    )


def _create_version(client: "MlflowClient", bundle: Path, card: Card, run_id: str, tags: Mapping[str, str]) -> Any:
    from mlflow.exceptions import MlflowException

    model = log_model(client, bundle, card, run_id, tags)
    description = tell_run(client, run_id, bundle, card, model.model_id)
    try:
        client.create_registered_model(card.name, description=card.description)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(
        card.name,
        model.artifact_location,
        run_id=run_id,
        tags=dict(tags),
        description=description,
        model_id=model.model_id,
    )
    name_version(client, model.model_id, card.name, str(version.version))
    return version
