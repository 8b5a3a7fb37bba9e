import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from back.runtime.bundle_cache import KEEP, discard_bundle, fetch_bundle
from back.runtime.card import CARD_FILE, BundleError


class _Client:
    """The two calls of MLflow's client that fetching makes, over a folder."""

    tracking_uri = "http://mlflow.example"

    def __init__(self, source: Path) -> None:
        self.source = source

    def get_model_version(self, name: str, version: str) -> SimpleNamespace:
        return SimpleNamespace(creation_timestamp=1, source=str(self.source))

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        return self.source.as_uri()


@pytest.fixture
def client(tmp_path: Path) -> _Client:
    source = tmp_path / "source"
    source.mkdir()
    (source / CARD_FILE).write_text("{}", encoding="utf-8")
    return _Client(source)


def _fetch(client: _Client, version: str, cache: Path) -> Path:
    return fetch_bundle(client, "m", version, cache)  # type: ignore[arg-type]


def test_second_fetch_downloads_nothing(client: _Client, tmp_path: Path) -> None:
    first = _fetch(client, "1", tmp_path / "cache")
    (client.source / CARD_FILE).unlink()
    assert _fetch(client, "1", tmp_path / "cache") == first


def test_download_that_breaks_off_leaves_nothing(client: _Client, tmp_path: Path) -> None:
    def half(client: object, name: str, version: str, scratch: Path) -> Path:
        (scratch / CARD_FILE).write_text("{", encoding="utf-8")
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        fetch_bundle(client, "m", "1", tmp_path / "cache", half)  # type: ignore[arg-type]
    assert list((tmp_path / "cache").iterdir()) == []


def test_two_at_once_end_with_one_whole_bundle(client: _Client, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: _fetch(client, "1", tmp_path / "cache"), range(8)))
    assert len(paths) == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [paths.pop().name]


def test_artifacts_without_a_card_are_no_bundle(client: _Client, tmp_path: Path) -> None:
    (client.source / CARD_FILE).rename(client.source / "other.json")
    with pytest.raises(BundleError, match=r"m/1: its artifacts hold no model\.json"):
        _fetch(client, "1", tmp_path / "cache")


def test_oldest_bundles_are_let_go(client: _Client, tmp_path: Path) -> None:
    folders = []
    for version in range(KEEP + 2):
        folders.append(_fetch(client, str(version), tmp_path / "cache"))
        os.utime(folders[-1], (version, version))
    last = _fetch(client, "last", tmp_path / "cache")
    kept = set((tmp_path / "cache").iterdir())
    assert kept == {*folders[-(KEEP - 1) :], last}


def test_a_bundle_that_is_discarded_meanwhile_disturbs_no_other(
    client: _Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models load in several threads: one refuses its bundle while another's download tidies up."""
    damaged = _fetch(client, "1", tmp_path / "cache")
    is_dir = Path.is_dir

    def seen_and_gone(path: Path) -> bool:
        seen = is_dir(path)
        if path == damaged:
            discard_bundle(damaged)
        return seen

    monkeypatch.setattr(Path, "is_dir", seen_and_gone)
    assert _fetch(client, "2", tmp_path / "cache").exists()
    assert not damaged.exists()
