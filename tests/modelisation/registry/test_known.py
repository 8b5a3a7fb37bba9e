"""What is registered as it is, is known without MLflow; whatever differs is not."""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from back.runtime.card import CARD_FILE, ONNX_FILE, BundleError
from modelisation.registry.known import champions
from modelisation.registry.mlflow_store import database_of
from modelisation.registry.versions import register_bundle
from tests.api import Store, empty_database, store
from tests.bundles import make_bundle, rewrite_card

__all__ = ["empty_database", "store"]


def known(store: Store, *bundles: Path) -> dict[str, str] | None:
    database = database_of(store.uri)
    assert database is not None
    return champions(bundles, database)


def move_alias(store: Store, _: Path) -> None:
    second = make_bundle(store.folder / "another", name="segformer", bias=0.5)
    register_bundle(second, tracking_uri=store.uri, alias="champion")


def delete_version(store: Store, _: Path) -> None:
    store.client.delete_model_version("segformer", "1")


def delete_files(store: Store, _: Path) -> None:
    source = store.client.get_model_version("segformer", "1").source
    (Path(urlsplit(source).path) / ONNX_FILE).unlink()


def change_card(_: Store, bundle: Path) -> None:
    rewrite_card(bundle, description="another")


@pytest.mark.parametrize("change", [move_alias, delete_version, delete_files, change_card])
def test_only_champions_that_are_there_as_they_are_count(
    store: Store, tmp_path: Path, change: Callable[[Store, Path], None]
) -> None:
    bundle, other = (make_bundle(tmp_path, name=name, miou=0.5) for name in ("segformer", "other"))
    register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    assert known(store, bundle, other) is None
    register_bundle(other, tracking_uri=store.uri, alias="champion")
    assert known(store, bundle, other) == {"segformer": "1", "other": "1"}
    change(store, bundle)
    assert known(store, bundle, other) is None
    assert known(store, other) == {"other": "1"}


def test_no_store_is_made_and_tables_of_another_kind_are_no_error(store: Store, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, name="segformer", miou=0.5)
    assert champions([bundle], tmp_path / "none.db") is None
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "empty.db").touch()
    assert champions([bundle], tmp_path / "empty.db") is None


def test_a_damaged_bundle_is_said(store: Store, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, name="segformer", miou=0.5)
    register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    shutil.copy(bundle / CARD_FILE, bundle / ONNX_FILE)
    with pytest.raises(BundleError, match=ONNX_FILE):
        known(store, bundle)
