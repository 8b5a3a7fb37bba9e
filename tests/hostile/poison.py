"""Bundles that must not serve, and a registry that takes them unchecked, as MLflow takes whatever it is given."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx

from back.runtime.card import CARD_FILE, ONNX_FILE, read_card, sha256_of
from tests.api import Store
from tests.bundles import make_bundle, rewrite_card


def register_unchecked(store: Store, bundle: Path, name: str, alias: str = "champion") -> str:
    """Register a folder as it is, links and all, as a version of `name`; returns the version."""
    client = store.client
    artifacts = store.folder / "artifacts" / "unchecked" / f"{name}-{len(client.search_model_versions('')):03}"
    shutil.copytree(bundle, artifacts, symlinks=True)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    version = str(client.create_model_version(name, artifacts.as_uri()).version)
    client.set_registered_model_alias(name, alias, version)
    return version


def change_card(bundle: Path, change: Callable[[dict], None]) -> Path:  # type: ignore[type-arg]
    """Edit a card as the plain JSON that it is."""
    card = json.loads((bundle / CARD_FILE).read_text(encoding="utf-8"))
    change(card)
    (bundle / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return bundle


def change_network(bundle: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Edit a network, and let the card vouch for it."""
    model = onnx.load(bundle / ONNX_FILE, load_external_data=False)
    change(model)
    (bundle / ONNX_FILE).write_bytes(model.SerializeToString())
    return vouch(bundle)


def vouch(bundle: Path, *names: str) -> Path:
    """Let the card list its files, and `names` beside them, as they are now."""
    files = [*read_card(bundle).files, *names]
    return rewrite_card(bundle, files={name: sha256_of(bundle / name) for name in files})


def failing_self_test(folder: Path) -> Path:
    """A bundle whose labels are those of another picture."""
    bundle, other = make_bundle(folder), make_bundle(folder / "other", classes=2)
    test = read_card(bundle).self_test.model_dump()
    return rewrite_card(bundle, self_test=test | {"labels_png": read_card(other).self_test.labels_png})
