"""A bundle as a version in MLflow's model registry: put in with its training curves, or fetched. Needs no torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.runtime.bundle_cache import fetch_bundle
from back.runtime.card import (
    CARD_FILE,
    ONNX_FILE,
    BundleError,
    Card,
    read_card,
    sha256_of,
    verify_files,
)
from back.runtime.errors import UserError
from back.runtime.mlflow_names import CHAMPION, EXPERIMENT
from modelisation.export.gate import parity_failure
from modelisation.provenance import REPOSITORY
from modelisation.registry.history import replay_earlier_runs, replay_history
from modelisation.registry.logged_model import log_model, name_version
from modelisation.registry.mlflow_store import (
    beside_others,
    default_tracking_uri,
    experiment_id,
    tracking_client,
    user_errors,
)
from modelisation.registry.story import tell_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

CACHE = REPOSITORY / ".cache" / "bundles"
_URI = re.compile(r"^models:/(?P<name>[^@/]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))$")


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
    experiment: str = EXPERIMENT,
    alias: str = "candidate",
    run_id: str | None = None,
) -> RegisteredVersion:
    """Register a bundle under its card's name and point an alias at it.

    The same bundle (card and weights) is registered once: a second call only moves the alias. A card that changed,
    for instance because it was evaluated again, is a new version; so is one whose files are gone from MLflow.

    Args:
        bundle: folder with the card and the files that it lists; verified first.
        tracking_uri: MLflow server, or a store such as sqlite:///mlflow.db.
        experiment: MLflow experiment of the replayed run; created where missing.
        alias: candidate, or champion for a bundle that carries a passed parity report.
        run_id: run that trained it, which may have registered an earlier version; None makes one and replays
            history.json into it (params, tags, metrics), and those of `earlier_runs` into runs of their own.

    Raises:
        BundleError: a file is missing or does not match the card, or a champion has not passed the parity gate.
        UserError: MLflow does not answer or refuses.
    """
    card = read_card(bundle)
    verify_files(bundle, card)
    if alias == CHAMPION and (failure := parity_failure(bundle)):
        raise BundleError(failure)
    tags = _version_tags(bundle, card)
    with user_errors(tracking_uri):
        client = tracking_client(tracking_uri)
        home = experiment_id(client, experiment)
        version = _find_version(client, card.name, tags)
        created = version is None
        if run_id is None:
            replay_earlier_runs(client, bundle, experiment_id(client, experiment))
        if version is None:
            run_id = run_id or replay_history(client, bundle, home)
            version = _create_version(client, bundle, card, run_id, tags)
        number = str(version.version)
        beside_others(lambda: client.set_registered_model_alias(card.name, alias, number))
        return RegisteredVersion(card.name, str(version.version), str(version.run_id or ""), created)


def resolve_model(uri_or_path: str | Path, *, tracking_uri: str | None = None, cache_dir: Path = CACHE) -> Path:
    """The bundle folder that a user means.

    Args:
        uri_or_path: a bundle folder, `models:/name@alias` or `models:/name/3`.
        tracking_uri: default see `default_tracking_uri`.
        cache_dir: where downloaded bundles are kept.

    Raises:
        BundleError: no such folder, or it holds no card.
        UserError: MLflow does not answer or knows no such version.
    """
    return resolve_version(uri_or_path, tracking_uri=tracking_uri, cache_dir=cache_dir)[0]


def resolve_version(
    uri_or_path: str | Path, *, tracking_uri: str | None = None, cache_dir: Path = CACHE
) -> tuple[Path, str | None]:
    """As `resolve_model`, with the number of the registered version; None for a bundle's folder."""
    text = str(uri_or_path)
    if not text.startswith("models:"):
        path = Path(uri_or_path)
        read_card(path)
        return path, None
    uri = tracking_uri or default_tracking_uri()
    with user_errors(uri):
        client = tracking_client(uri)
        found = _version_of(client, text)
        bundle = fetch_bundle(client, str(found.name), str(found.version), cache_dir)
    verify_files(bundle, read_card(bundle))
    return bundle, str(found.version)


def candidate_of(model: str) -> str:
    """What `resolve_model` takes for a bare registered name: its candidate. Anything else stays as it is."""
    if model.startswith("models:") or Path(model).exists():
        return model
    return f"models:/{model}@candidate"


def run_of(uri_or_path: str | Path, *, tracking_uri: str | None = None) -> str | None:
    """The id of the MLflow run that a registered model came from; None for a bundle folder.

    Raises:
        UserError: MLflow does not answer or knows no such version.
    """
    text = str(uri_or_path)
    if not text.startswith("models:"):
        return None
    uri = tracking_uri or default_tracking_uri()
    with user_errors(uri):
        return str(_version_of(tracking_client(uri), text).run_id or "") or None


def _version_of(client: "MlflowClient", uri: str) -> Any:
    match = _URI.match(uri)
    if match is None:
        raise UserError(f"{uri}: write models:/name@alias or models:/name/3, or the path of a bundle folder")
    if match["alias"] is not None:
        return client.get_model_version_by_alias(match["name"], match["alias"])
    return client.get_model_version(match["name"], match["version"])


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
            if all(version.tags.get(key) == tags[key] for key in same) and _has_files(client, version)
        ),
        None,
    )


def _has_files(client: "MlflowClient", version: Any) -> bool:
    from mlflow.artifacts import list_artifacts

    uri = client.get_model_version_download_uri(version.name, version.version)
    files = list_artifacts(artifact_uri=uri, tracking_uri=client.tracking_uri)
    return {CARD_FILE, ONNX_FILE} <= {Path(file.path).name for file in files}


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
