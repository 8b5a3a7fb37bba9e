"""Downloads from MLflow in a process of their own: however the server behaves, they end, and fill no disk."""

import os
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.runtime.bundle_cache import Download, download_here, quiet_mlflow
from back.runtime.card import MAX_FILE_BYTES, BundleError
from back.runtime.process.bounded import answer_one, run_bounded
from back.runtime.process.modules import leave_out_unused, quick_imports

if TYPE_CHECKING:
    from mlflow import MlflowClient

SECONDS = 600.0
MAX_BYTES = 3 * MAX_FILE_BYTES


def bounded_download(stop: threading.Event) -> Download:
    """`download_here` with limits of time and size; ended when `stop` is set."""
    return partial(_download, stop)


def _download(stop: threading.Event, client: "MlflowClient", name: str, version: str, scratch: Path) -> Path:
    def watch() -> None:
        if (size := _size_of(scratch)) > MAX_BYTES:
            raise BundleError(f"{name}/{version}: its download was ended at {size / 1e6:.0f} MB; a bundle has less")

    request = {"uri": client.tracking_uri, "name": name, "version": version, "scratch": str(scratch)}
    answer = run_bounded(__name__, request, seconds=SECONDS, watch=watch, stop=stop)
    return Path(answer["folder"])


def _size_of(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except OSError:  # renamed meanwhile
                continue
    return total


def _work(request: dict[str, Any]) -> dict[str, str]:
    leave_out_unused()
    quiet_mlflow()
    with quick_imports():
        from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=request["uri"], registry_uri=request["uri"])
    folder = download_here(client, request["name"], request["version"], Path(request["scratch"]))
    return {"folder": str(folder)}


if __name__ == "__main__":
    answer_one(_work)
