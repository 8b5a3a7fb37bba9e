"""Compiled networks on disk: a damaged one is never used, and there are not too many of them."""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from back.runtime.engines import compiled_files
from back.runtime.engines.compiled_files import MAX_AGE_S, SUFFIX, read_compiled, write_compiled
from back.runtime.predictor import Predictor
from tests.bundles import make_bundle, paint, stripes
from tests.hostile.figures import figure, rss_mb

LABELS = stripes(64, 128, 8)


def _load(bundle: Path, cache: Path) -> Predictor:
    return Predictor.load(bundle, engine="openvino", precision="fp32", threads=1, cache_dir=cache)


def _labels(predictor: Predictor) -> np.ndarray:
    return predictor.predict_array(paint(LABELS, predictor.card.taxonomy)).labels_HW


def _damage(path: Path, at: float) -> None:
    content = bytearray(path.read_bytes())
    place = min(len(content) - 1, int(at * len(content)))
    content[place] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("at", [0.0, 0.02, 0.5, 0.9, 1.0])
def test_a_damaged_network_is_compiled_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, at: float) -> None:
    bundle, cache = make_bundle(tmp_path), tmp_path / "cache"
    expected = _labels(_load(bundle, cache))
    (file,) = cache.iterdir()
    _damage(file, at)
    with caplog.at_level(logging.WARNING, "streetseg"):
        np.testing.assert_array_equal(_labels(_load(bundle, cache)), expected)
    assert f"{file} is damaged; it is deleted and compiled anew" in caplog.text
    assert read_compiled(cache, file.stem) is not None
    caplog.clear()
    _load(bundle, cache)
    assert caplog.text == ""


def test_a_damaged_network_for_a_frequent_size_gives_no_wrong_mask(tmp_path: Path) -> None:
    bundle, cache = make_bundle(tmp_path), tmp_path / "cache"
    first = _load(bundle, cache)
    any_size = set(cache.iterdir())
    first.prepare(64, 128)
    expected = _labels(first)
    (hot,) = set(cache.iterdir()) - any_size
    for at in (0.3, 0.6, 0.95):
        _damage(hot, at)
        start = time.monotonic()
        again = _load(bundle, cache)
        again.prepare(64, 128)
        labels = _labels(again)
        wrong = int((labels != expected).sum())
        figure(
            "damaged compiled networks",
            tried=1,
            refused=int(not wrong),
            worst_s=time.monotonic() - start,
            worst_mb=rss_mb(),
            wrong_pixels=wrong,
        )
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("content", [b"", b"streetseg compiled network 1\n", b"0" * 1000])
def test_a_cut_off_network_is_none(tmp_path: Path, content: bytes) -> None:
    write_compiled(tmp_path, "key", b"network")
    (tmp_path / f"key{SUFFIX}").write_bytes(content)
    assert read_compiled(tmp_path, "key") is None
    assert list(tmp_path.iterdir()) == []


def test_one_that_openvino_cannot_read_is_compiled_anew(tmp_path: Path) -> None:
    bundle, cache = make_bundle(tmp_path), tmp_path / "cache"
    expected = _labels(_load(bundle, cache))
    (file,) = cache.iterdir()
    write_compiled(cache, file.stem, b"of another version")
    np.testing.assert_array_equal(_labels(_load(bundle, cache)), expected)
    assert read_compiled(cache, file.stem) != b"of another version"


def test_the_oldest_are_deleted_where_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_files, "MAX_BYTES", 5_000)
    now = time.time()
    for number in range(10):
        write_compiled(tmp_path, str(number), b"0" * 900)
        used_at = now - 100 + number
        os.utime(tmp_path / f"{number}{SUFFIX}", (used_at, used_at))
    assert read_compiled(tmp_path, "6") is not None  # used: now it is the newest
    write_compiled(tmp_path, "last", b"0" * 900)
    assert {path.stem for path in tmp_path.iterdir()} == {"last", "6", "9", "8", "7"}


def test_what_nobody_uses_any_more_is_deleted(tmp_path: Path) -> None:
    write_compiled(tmp_path, "old", b"0")
    left = [tmp_path / ".new-dead", tmp_path / "123.blob", tmp_path / f"old{SUFFIX}"]
    for path in left:
        path.touch()
        os.utime(path, (time.time() - MAX_AGE_S - 10,) * 2)
    write_compiled(tmp_path, "new", b"0")
    assert [path.name for path in tmp_path.iterdir()] == [f"new{SUFFIX}"]


def test_a_full_disk_is_said_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    bundle = make_bundle(tmp_path)
    monkeypatch.setattr(Path, "replace", full)
    _labels(_load(bundle, tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []
    assert "cannot be kept" in caplog.text
    assert "No space left on device" in caplog.text


def test_processes_that_share_a_cache_leave_whole_networks(tmp_path: Path) -> None:
    bundle, cache = make_bundle(tmp_path), tmp_path / "cache"
    with ThreadPoolExecutor(4) as pool:
        labels = list(pool.map(lambda _: _labels(_load(bundle, cache)), range(8)))
    for each in labels:
        np.testing.assert_array_equal(each, labels[0])
    (file,) = cache.iterdir()
    assert read_compiled(cache, file.stem)
