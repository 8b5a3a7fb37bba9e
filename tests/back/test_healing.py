"""Failures of MLflow, network and disk: no model keeps another from loading, and what may pass is tried again."""

import threading
import time
from pathlib import Path

import pytest
from mlflow.store.entities import PagedList

from back import loading
from back.registry import ModelRegistry
from back.remembered import FILE, recall
from back.runtime.card import ONNX_FILE
from tests.api import Store


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


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), MemoryError(), UnboundLocalError("bug")])
def test_download_that_fails_is_tried_again_and_aliases_are_followed_on(
    store: Store, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch, failure: Exception
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


def test_models_of_last_time_serve_while_mlflow_has_not_answered_at_the_start(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    monkeypatch.setattr("back.registry.FIRST_ASK_S", 0.1)
    registry, answers = ModelRegistry(store.settings()), threading.Event()
    ask = registry.client.search_registered_models

    def slow(**options: object) -> object:
        assert answers.wait(60)
        return ask(**options)

    monkeypatch.setattr(registry.client, "search_registered_models", slow)
    registry.sync()
    assert _versions(registry) == {"segformer": "1"}
    assert registry.reason_not_ready() is None
    assert registry.stale_s is not None
    answers.set()
    registry.sync()
    assert registry.stale_s is None


def test_damaged_memory_of_last_time_is_none(store: Store) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    assert recall(store.folder / "cache", store.uri) is not None
    for damage in (b"", b"{}", b"[1]", b'{"schema": 1, "store": 3}', b"\xff\xfe"):
        (store.folder / "cache" / FILE).write_bytes(damage)
        assert recall(store.folder / "cache", store.uri) is None, damage


def test_memory_of_another_store_is_not_used(store: Store) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    assert recall(store.folder / "cache", store.uri) is not None
    registry = ModelRegistry(store.settings(mlflow_tracking_uri="http://127.0.0.1:9"))
    registry.sync()
    assert registry.served == {}
