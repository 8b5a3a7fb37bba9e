"""Caches that are full, read-only, damaged, shared or old: each a sentence, and the service goes on."""

import os
import shutil
import time
from typing import Any

import pytest

from back import loading
from back.downloads import bounded_download
from back.registry import ModelRegistry
from back.runtime import bundle_cache
from back.runtime.card import ONNX_FILE
from tests.api import Store, wait_until


@pytest.mark.parametrize("reason", ["No space left on device", "Read-only file system"])
def test_a_cache_that_cannot_be_written_to_is_named_and_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    store.add()
    make = bundle_cache.tempfile.TemporaryDirectory

    def full(**_: object) -> None:
        raise OSError(28, reason)

    monkeypatch.setattr(bundle_cache.tempfile, "TemporaryDirectory", full)
    registry = ModelRegistry(store.settings())
    registry.sync()
    cache = store.folder / "cache"
    assert registry.errors["segformer"] == (
        "segformer/1 could not be loaded, and will be tried again: "
        f"{cache} cannot be written to ({reason.lower()}); make room there, or set STREETSEG_CACHE_DIR."
    )
    monkeypatch.setattr(bundle_cache.tempfile, "TemporaryDirectory", make)
    time.sleep(registry._settings.reload_seconds + 0.05)
    registry.sync()
    assert list(registry.served) == ["segformer"]


@pytest.mark.parametrize("cache", ["file", "file/cache"])
def test_a_file_where_the_cache_should_be_is_named(store: Store, cache: str) -> None:
    (store.folder / "file").touch()
    store.add()
    registry = ModelRegistry(store.settings(cache_dir=store.folder / cache))
    registry.sync()
    assert f"{store.folder / cache} cannot be written to (not a directory); " in registry.errors["segformer"]
    assert "STREETSEG_CACHE_DIR" in registry.errors["segformer"]


def test_a_warm_cache_that_cannot_be_written_to_serves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()

    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(bundle_cache.os, "utime", refused)
    monkeypatch.setattr("back.registry.remember", refused)
    registry = ModelRegistry(store.settings())
    registry.sync()
    assert list(registry.served) == ["segformer"]
    assert registry.errors == {}


def test_a_full_disk_leaves_no_half_memory_and_is_said_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.add()
    registry = ModelRegistry(store.settings())
    registry.sync()
    cache = store.folder / "cache"
    store.add(bias=1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("back.remembered.json.dump", full)
        for _ in range(3):
            registry.sync()
    assert [path.name for path in cache.iterdir() if path.is_file()] == ["registry.json"]
    assert caplog.text.count("cannot be written to") == 1
    assert f"{cache} cannot be written to" in caplog.text
    registry.sync()
    assert '"version": "2"' in (cache / "registry.json").read_text(encoding="utf-8")


def test_what_downloads_left_that_were_killed_is_deleted(store: Store) -> None:
    bundles = store.folder / "cache" / "bundles"
    old, new = bundles / ".download-old", bundles / ".download-new"
    for left in (old, new):
        left.mkdir(parents=True)
        (left / ONNX_FILE).write_bytes(b"half")
    hours_ago = time.time() - 5 * 3600
    os.utime(old, (hours_ago, hours_ago))
    store.add()
    ModelRegistry(store.settings()).sync()
    assert not old.exists()
    assert new.exists()  # another process may be at it


def _with_a_damaged_segformer(store: Store) -> ModelRegistry:
    """A registry whose cached SegFormer of last time was changed since, and whose MLflow is away."""
    first = ModelRegistry(store.settings())
    first.sync()
    network = first.served["segformer"].folder / ONNX_FILE
    network.write_bytes(network.read_bytes()[:-1] + b"\0")
    registry = ModelRegistry(store.settings())
    registry.__dict__["client"] = None  # whatever is asked of it fails
    return registry


def test_a_damaged_bundle_of_last_time_keeps_no_other_from_serving_while_mlflow_is_away(store: Store) -> None:
    store.add("deeplabv3plus")
    store.add("segformer")
    registry = _with_a_damaged_segformer(store)
    registry.sync()
    assert list(registry.served) == ["deeplabv3plus"]
    assert "does not match the card's sha256" in registry.errors["segformer"]
    assert registry.reason_not_ready() is None


def test_a_damaged_bundle_is_named_however_late_its_first_look_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    registry = _with_a_damaged_segformer(store)
    look = registry._load_cached

    def ends_late(*found: Any) -> None:
        look(*found)
        wait_until(lambda: bool(registry.catalogue), "that it is clear that MLflow does not answer")
        time.sleep(0.2)

    monkeypatch.setattr(registry, "_load_cached", ends_late)
    registry.sync()
    assert "does not match the card's sha256" in registry.errors["segformer"]


def test_walking_through_versions_does_not_push_the_served_one_out_of_the_cache(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_cache, "KEEP", 2)
    for bias in range(4):
        store.add(bias=bias)
    store.client.set_registered_model_alias("segformer", "champion", "1")
    registry = ModelRegistry(store.settings())
    registry.sync()
    for version in ("2", "3", "4"):
        registry.sync()
        registry.pinned.read_card(registry.find(f"segformer/{version}"))  # type: ignore[arg-type]
    assert (registry.served["segformer"].folder / ONNX_FILE).is_file()


def test_a_clock_that_jumps_back_leaves_what_serves_and_its_age(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    registry = ModelRegistry(store.settings())
    registry.sync()
    now = time.time()
    monkeypatch.setattr("back.registry.time.time", lambda: now - 100_000)
    client = registry.client
    registry.__dict__["client"] = None
    registry.sync()
    assert registry.stale_s == 0
    registry.__dict__["client"] = client
    registry.sync()
    assert list(registry.served) == ["segformer"]
    assert registry.stale_s is None


def test_two_services_that_share_a_cache_both_serve_at_the_first_start(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add()
    monkeypatch.setattr(loading, "bounded_download", bounded_download)  # in processes of their own
    registries = [ModelRegistry(store.settings()) for _ in range(2)]
    for registry in registries:
        registry.sync(0)  # both load in the background
    for registry in registries:
        registry.sync()
        assert list(registry.served) == ["segformer"]
    kept = {path.name for path in (store.folder / "cache" / "bundles").iterdir()}
    assert kept == {served.folder.name for served in registries[0].served.values()}
    shutil.rmtree(store.folder / "cache")
