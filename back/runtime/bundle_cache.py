"""Bundles of MLflow's model registry as folders on this disk: downloaded once, complete or not at all."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.card import CARD_FILE, BundleError

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEEP = 12  # cached bundles; the least recently used beyond that are deleted


def quiet_mlflow() -> None:
    """Set MLflow's environment for a service: no telemetry, no bars, and give up on a dead server in seconds.

    Must run before `mlflow` is imported; what the user has set stays.
    """
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    }.items():
        os.environ.setdefault(name, value)


def fetch_bundle(client: "MlflowClient", name: str, version: str, cache_dir: Path) -> Path:
    """The bundle folder of a registered model version, from the cache or downloaded into it.

    A download lands in a temporary folder and is renamed when complete, so that a process that dies half-way, or
    two at once, leave no half bundle. The content is not checked here: `verify_files` does that.

    Args:
        client: MLflow client of the registry.
        name: registered model.
        version: its version number.
        cache_dir: folder of cached bundles; created where missing.

    Raises:
        BundleError: the version's artifacts are no bundle.
        mlflow.exceptions.MlflowException: no such version, or the server does not answer.
    """
    found = client.get_model_version(name, version)
    # A store that is wiped and filled again reuses versions: the creation time tells the two apart.
    identity = "\n".join((client.tracking_uri, name, version, str(found.creation_timestamp), str(found.source)))
    target = cache_dir / hashlib.sha256(identity.encode()).hexdigest()[:32]
    if (target / CARD_FILE).is_file():
        os.utime(target)
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=cache_dir) as scratch:
        folder = _download(client, name, version, Path(scratch))
        if not (folder / CARD_FILE).is_file():
            raise BundleError(
                f"{name}/{version}: its artifacts hold no {CARD_FILE}, so this is no StreetSeg bundle; "
                "register one with: python -m modelisation register BUNDLE"
            )
        os.utime(folder)
        try:
            folder.rename(target)
        except OSError:
            if not (target / CARD_FILE).is_file():  # else another process was faster, with the same content
                raise
    _prune(cache_dir, keep=KEEP)
    return target


def discard_bundle(folder: Path) -> None:
    """Forget a cached bundle, for instance one whose files do not match its card; the next fetch downloads it."""
    shutil.rmtree(folder, ignore_errors=True)


def _download(client: "MlflowClient", name: str, version: str, scratch: Path) -> Path:
    from mlflow.artifacts import download_artifacts  # imports slowly, and only a miss needs it

    uri = client.get_model_version_download_uri(name, version)
    path = download_artifacts(artifact_uri=uri, dst_path=str(scratch), tracking_uri=client.tracking_uri)
    return Path(path)


def _prune(cache_dir: Path, *, keep: int) -> None:
    bundles = sorted(
        (path for path in cache_dir.iterdir() if not path.name.startswith(".") and path.is_dir()),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in bundles[keep:]:
        discard_bundle(path)
