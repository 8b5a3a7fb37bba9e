"""Failures of MLflow, network and disk: no model keeps another from loading, and what may pass is tried again."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.store.entities import PagedList

from back import loading
from back.registry import ModelRegistry
from back.remembered import FILE, recall
from back.runtime.card import ONNX_FILE
from tests.api import Store, wait_until


class Panic(BaseException):
    """As libraries in Rust raise: no `Exception`."""


@pytest.fixture
def registry(store: Store) -> ModelRegistry:
    return ModelRegistry(store.settings())


def _versions(registry: ModelRegistry) -> dict[str, str]:
    return {name: served.version.version for name, served in registry.served.items()}


def _without_artifacts(store: Store, name: str) -> None:
    run = store.client.create_run("1")
    store.client.create_registered_model(name)
    store.client.create_model_version(name, f"{run.info.artifact_uri}/model", run_id=run.info.run_id)


def test_version_without_artifacts_keeps_no_other_from_loading(store: Store, registry: ModelRegistry) -> None:
    store.add("deeplabv3plus")
    _without_artifacts(store, "empty")
    store.add("segformer")
    registry.sync()
    assert _versions(registry) == {"deeplabv3plus": "1", "segformer": "1"}
    assert registry.errors["empty"].startswith("empty/1 could not be loaded, and will be tried again: ")
    assert registry.reason_not_ready() is None


@pytest.mark.parametrize(
    "failure",
    [
        *(OSError(28, "No space left on device"), MemoryError(), UnboundLocalError("bug")),
        *(Panic("panicked"), SystemExit(1), StopIteration()),
    ],
    ids=repr,
)
def test_download_that_fails_is_tried_again_and_aliases_are_followed_on(
    store: Store, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    store.add()
    fetch = loading.fetch_bundle

    def failing(*_: object) -> Path:
        raise failure

    monkeypatch.setattr(loading, "fetch_bundle", failing)
    registry.sync()
    assert registry.served == {}
    assert "will be tried again" in registry.errors["segformer"]
    monkeypatch.setattr(loading, "fetch_bundle", fetch)
    time.sleep(registry._settings.reload_seconds + 0.05)
    registry.sync()
    assert _versions(registry) == {"segformer": "1"}
    assert registry.errors == {}


def test_waits_between_tries_double(store: Store, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_artifacts(store, "empty")
    now, tries = [1000.0], []
    monkeypatch.setattr(loading.time, "monotonic", lambda: now[0])
    fetch = loading.fetch_bundle
    monkeypatch.setattr(loading, "fetch_bundle", lambda *args: tries.append(now[0]) or fetch(*args))
    for _ in range(16):
        registry.sync()
        now[0] += 0.1
    assert tries == pytest.approx([1000.0, 1000.2, 1000.6, 1001.4])


def test_damaged_download_is_not_refused_for_good(store: Store, registry: ModelRegistry) -> None:
    store.add()
    (onnx,) = (store.folder / "artifacts").rglob(ONNX_FILE)
    whole = onnx.read_bytes()
    onnx.write_bytes(whole[:-1] + b"\x00")
    registry.sync()
    assert registry.served == {}
    onnx.write_bytes(whole)
    time.sleep(registry._settings.reload_seconds + 0.05)
    registry.sync()
    assert _versions(registry) == {"segformer": "1"}


def test_empty_answer_of_mlflow_removes_no_model(
    store: Store, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    registry.sync()
    empty = PagedList([], None)
    with monkeypatch.context() as broken:
        broken.setattr(registry.client, "search_registered_models", lambda **_: empty)
        registry.sync()
    assert _versions(registry) == {"segformer": "1"}
    assert "lists no model segformer" in str(registry.mlflow_error)
    registry.sync()
    assert registry.mlflow_error is None


def test_empty_answer_of_mlflow_at_the_start_hides_no_model_of_last_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    for _ in range(2):  # the second start knows no less than the first
        registry = ModelRegistry(store.settings())
        with monkeypatch.context() as broken:
            broken.setattr(registry.client, "search_registered_models", lambda **_: PagedList([], None))
            registry.sync()
        assert _versions(registry) == {"segformer": "1"}
        assert registry.stale_s is not None
    registry.sync()
    assert registry.stale_s is None


@contextmanager
def _answering(status: int, body: bytes) -> Iterator[str]:
    """A server that answers every question alike."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


ANSWERS = {
    "500": (500, b"Internal Server Error"),
    "HTML": (200, b"<html><title>Sign in</title></html>"),
    "{}": (200, b"{}"),
    "a list": (200, b"[1, 2]"),
    "no name": (200, b'{"registered_models": [{"aliases": 3}]}'),
    "bytes": (200, bytes(range(256))),
    "nothing": (200, b""),
    "404": (404, b'{"error_code": "ENDPOINT_NOT_FOUND"}'),
}


def test_whatever_mlflow_answers_what_is_verified_serves_marked_as_stale(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Already at the start, from the cache, and until MLflow is back."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    store.add()
    ModelRegistry(store.settings()).sync()
    good = store.client
    for name, (status, body) in ANSWERS.items():
        with _answering(status, body) as uri:
            registry = ModelRegistry(store.settings())
            registry.__dict__["client"] = MlflowClient(tracking_uri=uri, registry_uri=uri)
            for _ in range(2):
                registry.sync()
                assert _versions(registry) == {"segformer": "1"}, name
                assert registry.reason_not_ready() is None, name
                assert registry.stale_s is not None, name
                assert "\n" not in str(registry.mlflow_error), name
        registry.__dict__["client"] = good
        registry.sync()
        assert registry.stale_s is None, name


def test_models_of_last_time_serve_while_mlflow_is_away_at_the_start(store: Store) -> None:
    store.add("deeplabv3plus")
    store.add("segformer")
    store.add("segformer", alias="candidate", bias=1)
    ModelRegistry(store.settings()).sync()
    registry = ModelRegistry(store.settings())
    registry.__dict__["client"] = None  # whatever is asked of it fails
    registry.sync()
    assert _versions(registry) == {"deeplabv3plus": "1", "segformer": "1"}
    assert registry.reason_not_ready() is None
    assert registry.stale_s is not None
    assert 0 <= registry.stale_s < 300
    del registry.client
    registry.sync()
    assert registry.stale_s is None


def _mlflow_waits(registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """MLflow answers this registry when the event is set, not before."""
    answers = threading.Event()
    ask = registry.client.search_registered_models

    def slow(**options: object) -> object:
        assert answers.wait(60)
        return ask(**options)

    monkeypatch.setattr(registry.client, "search_registered_models", slow)
    return answers


def test_models_of_last_time_serve_while_mlflow_has_not_answered_at_the_start(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    monkeypatch.setattr("back.registry.FIRST_ASK_S", 0.1)
    registry = ModelRegistry(store.settings())
    answers = _mlflow_waits(registry, monkeypatch)
    registry.sync()
    assert _versions(registry) == {"segformer": "1"}
    assert registry.reason_not_ready() is None
    assert registry.stale_s is not None
    answers.set()
    registry.sync()
    assert registry.stale_s is None


def test_models_of_last_time_load_while_mlflow_is_asked_and_serve_once_it_names_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    store.add("moved")
    ModelRegistry(store.settings()).sync()
    store.add("moved", bias=1)
    monkeypatch.setattr("back.registry.FIRST_ASK_S", 60.0)
    registry = ModelRegistry(store.settings())
    answers = _mlflow_waits(registry, monkeypatch)
    asking = threading.Thread(target=registry.sync)
    asking.start()
    wait_until(lambda: len(registry._ahead) == 2, "both models of last time")
    assert (registry.served, registry.catalogue) == ({}, {})
    ahead = {version.name: served for version, served in registry._ahead.items()}
    answers.set()
    asking.join(60)
    assert _versions(registry) == {"segformer": "1", "moved": "2"}
    assert registry.served["segformer"] is ahead["segformer"]
    assert registry._ahead == {}


def test_a_copy_of_last_time_that_is_damaged_is_fetched_again_and_is_no_failure(store: Store) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    [onnx] = (store.folder / "cache" / "bundles").glob(f"*/{ONNX_FILE}")
    onnx.write_bytes(b"damaged")
    registry = ModelRegistry(store.settings())
    registry.sync()
    registry.sync()
    assert (_versions(registry), registry.errors) == ({"segformer": "1"}, {})


def test_damaged_memory_of_last_time_is_none(store: Store) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    assert recall(store.folder / "cache", store.uri) is not None
    for damage in (b"", b"{}", b"[1]", b'{"schema": 1, "store": 3}', b"\xff\xfe", b"[" * 100_000):
        (store.folder / "cache" / FILE).write_bytes(damage)
        assert recall(store.folder / "cache", store.uri) is None, damage


def test_memory_of_another_store_is_not_used(store: Store) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    assert recall(store.folder / "cache", store.uri) is not None
    registry = ModelRegistry(store.settings(mlflow_tracking_uri="http://127.0.0.1:9"))
    registry.sync()
    assert registry.served == {}
