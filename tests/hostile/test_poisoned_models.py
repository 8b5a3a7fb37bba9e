"""Models that must not serve are refused with a sentence, run nothing, and keep the good one beside them serving."""

import re
import time
from pathlib import Path

import pytest

from back.registry import ModelRegistry
from back.runtime.card import CARD_FILE, BundleError, read_card, verify_files
from back.runtime.onnx_file import MAX_PARTS, NetworkError, check_network
from back.runtime.predictor import Predictor
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.registry.versions import register_bundle
from tests.api import Store
from tests.bundles import make_bundle
from tests.hostile.figures import figure, rss_mb
from tests.hostile.poison import register_unchecked
from tests.hostile.poisons import LINKS, POISONS, REPORTS, Poison, canary_of, linked


def _test_folder(bundle: Path, poison: Poison, sentence: str) -> None:
    poison(bundle)
    with pytest.raises(BundleError, match=sentence):
        Predictor.load(bundle, precision="fp32")
    assert not canary_of(bundle).exists()


@pytest.mark.parametrize("name", POISONS)
def test_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    poison, sentence = POISONS[name]
    _test_folder(make_bundle(tmp_path), poison, sentence.replace("folder 'code'", "code: the card does not list it"))


@pytest.mark.parametrize("file", LINKS)
def test_a_link_is_refused(tmp_path: Path, file: str) -> None:
    _test_folder(make_bundle(tmp_path), linked(file), "is a link or no file")


def test_a_card_that_is_a_link_is_refused(tmp_path: Path) -> None:
    _test_folder(make_bundle(tmp_path), linked(CARD_FILE), "no such file")


@pytest.mark.parametrize("name", ["pickle beside", "external data, hidden", "loop", "wrong sha256", "self-test off"])
def test_registering_refuses_it_too(store: Store, tmp_path: Path, name: str) -> None:
    bundle = make_bundle(tmp_path)
    poison, sentence = POISONS[name]
    poison(bundle)
    with pytest.raises(BundleError, match=sentence):
        register_bundle(bundle, tracking_uri=store.uri)
    assert not store.client.search_registered_models()


@pytest.mark.timeout(240)
def test_the_api_refuses_each_with_a_sentence_and_serves_the_good_one(store: Store, tmp_path: Path) -> None:
    store.add("good")
    wanted, canaries = {}, []
    for number, (poison, sentence) in enumerate((POISONS | REPORTS).values()):
        bundle = make_bundle(tmp_path / str(number))
        poison(bundle)
        canaries.append(canary_of(bundle))
        register_unchecked(store, bundle, f"poison-{number:02}")
        wanted[f"poison-{number:02}"] = sentence
    register_unchecked(store, make_bundle(tmp_path / "named"), "straße ✓")
    wanted["straße ✓"] = "no header can carry"
    registry = ModelRegistry(store.settings())
    start = time.perf_counter()
    registry.sync()
    figure(
        "poisoned models",
        tried=len(wanted),
        refused=len(set(wanted) & set(registry.errors)),
        worst_s=time.perf_counter() - start,  # of all together
        worst_mb=rss_mb(),
        canaries_that_sang=sum(canary.exists() for canary in canaries),
    )
    assert sorted(registry.served) == ["good"]
    assert registry.reason_not_ready() is None
    for name, sentence in wanted.items():
        assert re.search(sentence, registry.errors[name]), (name, registry.errors[name])
        assert "\n" not in registry.errors[name]
    assert not [canary for canary in canaries if canary.exists()]


@pytest.mark.parametrize("bundle", find_bundles(FOLDER), ids=lambda path: path.name)
def test_the_bundled_models_pass(bundle: Path) -> None:
    verify_files(bundle, read_card(bundle))


@pytest.mark.parametrize(
    "onnx",
    [b"", b"\x00", b"\xff" * 20, b"\x3a\x05", b"\x3b", b"PK\x03\x04", b"\x3a\x00\x3a\x00", b"\x08" + b"\x80" * 11],
)
def test_what_is_no_network_is_an_error_of_one_sentence(onnx: bytes) -> None:
    with pytest.raises(NetworkError):
        check_network(onnx)


def test_a_file_of_nothing_but_parts_is_given_up() -> None:
    with pytest.raises(NetworkError, match="more than 1,000,000 parts"):
        check_network(b"\x08\x01" * (MAX_PARTS + 1))
