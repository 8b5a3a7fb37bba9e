"""Bundles of MLflow's model registry as folders on this disk: downloaded once, complete or not at all."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.card import CARD_FILE, EARLIER_RUNS, BundleError, check_size
from back.runtime.process.deadline import within

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEEP = 12  # cached bundles; the least recently used beyond that are deleted
MAX_FILES = 32  # of a bundle
_SCRATCH = ".download-"
_LEFT_S = 3600.0  # after which a download that is not done was killed
ASK_S = 60.0  # for MLflow's answer to a question

# Downloads the artifacts of a model version (client, name, version) into a folder and returns where they lie.
Download = Callable[["MlflowClient", str, str, Path], Path]


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


def download_here(client: "MlflowClient", name: str, version: str, scratch: Path) -> Path:
    """Download in this process, after a look at what there is.

    Raises:
        BundleError: the artifacts are no bundle, or a file is too large to be part of one.
        mlflow.exceptions.MlflowException: no such version, or the server does not answer.
    """
    from mlflow.artifacts import download_artifacts, list_artifacts  # imports slowly, and only a miss needs it

    uri = client.get_model_version_download_uri(name, version)
    files = {
        Path(file.path).name: file for file in list_artifacts(artifact_uri=uri, tracking_uri=client.tracking_uri)
    }
    if CARD_FILE not in files:
        raise BundleError(
            f"{name}/{version}: its artifacts hold no {CARD_FILE}, so this is no StreetSeg bundle; "
            "register one with: python -m modelisation register BUNDLE"
        )
    if len(files) > MAX_FILES:
        raise BundleError(f"{name}/{version}: has {len(files)} files where a bundle has at most {MAX_FILES}")
    for file in files.values():
        if file.is_dir and Path(file.path).name != EARLIER_RUNS:
            raise BundleError(f"{name}/{version}: holds a folder {Path(file.path).name!r}; a bundle is a flat folder")
        check_size(f"{name}/{version}: {Path(file.path).name}", file.file_size or 0)
    path = download_artifacts(artifact_uri=uri, dst_path=str(scratch), tracking_uri=client.tracking_uri)
    return Path(path)


def fetch_bundle(
    client: "MlflowClient", name: str, version: str, cache_dir: Path, download: Download = download_here
) -> Path:
    """The bundle folder of a registered model version, from the cache or downloaded into it.

    A download lands in a temporary folder and is renamed when complete, so that a process that dies half-way, or
    two at once, leave no half bundle. The content is not checked here: `verify_files` does that.

    Args:
        client: MLflow client of the registry.
        name: registered model.
        version: its version number.
        cache_dir: folder of cached bundles; created where missing.
        download: how to download.

    Raises:
        BundleError: the version's artifacts are no bundle.
        mlflow.exceptions.MlflowException: no such version, or the server does not answer.
        OSError: the server takes too long, or the cache cannot be written to.
    """
    found = within(ASK_S, lambda: client.get_model_version(name, version))
    # A store that is wiped and filled again reuses versions: the creation time tells the two apart.
    identity = "\n".join((client.tracking_uri, name, version, str(found.creation_timestamp), str(found.source)))
    target = cache_dir / hashlib.sha256(identity.encode()).hexdigest()[:32]
    if (target / CARD_FILE).is_file():
        touch(target)
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    _delete_left_over(cache_dir)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=cache_dir) as scratch:
        folder = download(client, name, version, Path(scratch))
        touch(folder)
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


def touch(folder: Path) -> None:
    """Say that a cached bundle is in use, so that it is among the last to be deleted."""
    with contextlib.suppress(OSError):  # a cache that cannot be written to serves all the same
        os.utime(folder)


def _delete_left_over(cache_dir: Path) -> None:
    """Delete what a process left that was killed while it downloaded."""
    for path in cache_dir.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError):  # another process was faster
            if time.time() - path.stat().st_mtime > _LEFT_S:
                discard_bundle(path)


def _prune(cache_dir: Path, *, keep: int) -> None:
    bundles = sorted(
        (path for path in cache_dir.iterdir() if not path.name.startswith(".") and path.is_dir()),
        key=_last_used,
        reverse=True,
    )
    for path in bundles[keep:]:
        discard_bundle(path)


def _last_used(bundle: Path) -> float:
    """Seconds since the epoch; 0 where another thread or process has just discarded the folder."""
    try:
        return bundle.stat().st_mtime
    except FileNotFoundError:
        return 0.0
