"""The API in tests: a model store in a folder, an app over it, and a real server on a free port."""

import contextlib
import os
import shutil
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from back import loading
from back.main import create_app
from back.runtime.bundle_cache import download_here, quiet_mlflow
from back.runtime.taxonomy import STREET8
from back.server import Server
from back.settings import Settings
from modelisation.registry.mlflow_store import experiment_id
from modelisation.registry.versions import RegisteredVersion, register_bundle
from tests.bundles import familiarity_of, make_bundle, paint, png_bytes, stripes

quiet_mlflow()
KEPT = Path(__file__).resolve().parents[1] / ".cache" / "tests"
HEIGHT, WIDTH = 128, 256
LABELS_HW = stripes(HEIGHT, WIDTH, 8)
PHOTO = png_bytes(paint(LABELS_HW, STREET8))


@event.listens_for(Engine, "connect")
def _write_lazily(connection: object, _: object) -> None:
    """No test outlives a power cut: waiting for the disk at each of MLflow's commits takes half of their time."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


@dataclass(frozen=True)
class Store:
    """An MLflow store of its own: SQLite and artifacts in a folder."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def add(self, name: str = "segformer", alias: str = "champion", **bundle: object) -> RegisteredVersion:
        """Make a bundle and register it; other arguments go to `make_bundle`."""
        folder = self.folder / "made" / f"{len(list((self.folder / 'made').glob('*')))}"
        made = make_bundle(folder, name=name, **bundle)  # type: ignore[arg-type]
        return register_bundle(made, tracking_uri=self.uri, alias=alias)

    @property
    def client(self) -> "mlflow.MlflowClient":  # noqa: F821
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def settings(self, **changes: object) -> Settings:
        """Settings of an API over this store."""
        given = {
            "mlflow_tracking_uri": self.uri,
            "mlflow_ui_url": "http://mlflow.example",
            "cache_dir": self.folder / "cache",
            "reload_seconds": 0.2,
            "precision": "fp32",
        }
        return Settings(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def empty_database() -> Path:
    """A store's database without content: creating its tables takes seconds, so it is kept from run to run."""
    kept = KEPT / f"mlflow-{version('mlflow')}.db"
    if not kept.is_file():
        from mlflow import MlflowClient

        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            made = Path(folder) / "made.db"
            MlflowClient(tracking_uri=f"sqlite:///{made}").search_experiments()
            whole = Path(folder) / "whole.db"
            with contextlib.closing(sqlite3.connect(made)) as connection:
                connection.execute("VACUUM INTO ?", (str(whole),))
            whole.replace(kept)
    return kept


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Store:
    """An empty store for one test."""
    return new_store(tmp_path / "store", empty_database)


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Store:
    """A store with two models, for tests that only read."""
    store = new_store(tmp_path_factory.mktemp("shared") / "store", empty_database)
    store.add("deeplabv3plus", miou=0.6, score_stride=4)
    store.add("segformer", miou=0.7, score_stride=8)
    store.add("segformer", alias="candidate", miou=0.8, bias=0.5, familiarity=familiarity_of(1e6))
    return store


@pytest.fixture(scope="session")
def api(shared_store: Store) -> Iterator[TestClient]:
    """The API over the shared store, ready."""
    with serving(create_app(shared_store.settings())) as client:
        yield client


@pytest.fixture(scope="session", autouse=True)
def trusted() -> Iterator[None]:
    """Load and download in this process: a further one for each of the tests' tiny models would take minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "prove", lambda *_: None)
        patch.setattr(loading, "bounded_download", lambda _: download_here)
        yield


@contextlib.contextmanager
def serving(app: FastAPI, *, ready: bool = True) -> Iterator[TestClient]:
    """The app with its background work running."""
    with TestClient(app, raise_server_exceptions=False) as client:
        if ready:
            wait_until(lambda: client.get("/readyz").status_code == 200, "the API to be ready")
        yield client


@contextlib.contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The app behind a real server in a thread; yields its address."""
    server = Server(app, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the server to listen")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


def answer_of(client: socket.socket) -> bytes:
    """Everything until the server closes; empty where it cut the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            received += piece
    return received


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for a condition, at most so long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def has_ended(process: psutil.Process) -> bool:
    """Whether it is gone, or waits to be collected by the system, which takes its time with orphans."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def noise_png(height: int, width: int, seed: int = 0) -> bytes:
    """A photo that no codec makes small."""
    return png_bytes(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def new_store(folder: Path, empty_database: Path) -> Store:
    (folder / "made").mkdir(parents=True)
    shutil.copy(empty_database, folder / "mlflow.db")
    store = Store(folder)
    experiment_id(store.client, "streetseg")
    return store
