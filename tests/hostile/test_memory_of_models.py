"""Models that are no longer served leave the memory at once, whatever strangers ask for."""

import gc
import shutil
import time
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from back.main import create_app
from back.pinned import MAX_LOADED
from back.registry import ModelRegistry
from back.runtime.engines.hot_sizes import NEARLY_ALL
from back.runtime.predictor import Predictor
from modelisation.registry.bundled import FOLDER
from modelisation.registry.versions import register_bundle
from tests.api import Store, serving
from tests.bundles import make_bundle, rewrite_card
from tests.hostile.figures import LONG, figure, rss_mb
from tests.hostile.poison import failing_self_test, register_unchecked


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Only counting references frees: what a cycle holds stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> "list[weakref.ref[object]]":
    """Every engine that is made, without holding it."""
    made: list[weakref.ref[object]] = []
    load = Predictor.load.__func__  # type: ignore[attr-defined]

    def noted(cls: type[Predictor], *args: object, **options: object) -> Predictor:
        predictor = load(cls, *args, **options)
        made.append(weakref.ref(predictor.engine))
        return predictor

    monkeypatch.setattr(Predictor, "load", classmethod(noted))
    return made


@pytest.mark.usefixtures("without_collector")
def test_a_model_that_an_alias_leaves_is_freed_at_once(store: Store, engines: "list[weakref.ref[object]]") -> None:
    store.add(alias="champion")
    store.add(alias="candidate", bias=1)
    registry = ModelRegistry(store.settings())
    photo = np.zeros((64, 64, 3), np.uint8)
    for flip in range(6):
        store.client.set_registered_model_alias("segformer", "champion", str(1 + flip % 2))
        registry.sync()
        registry.served["segformer"].predictor.predict_array(photo)
        assert [engine() is not None for engine in engines] == [False] * flip + [True]


@pytest.mark.usefixtures("without_collector")
def test_an_engine_with_networks_for_hot_sizes_and_streams_is_freed_at_once(store: Store) -> None:
    predictor = Predictor.load(make_bundle(store.folder), precision="fp32", threads=2)
    photo = np.zeros((64, 64, 3), np.uint8)
    for _ in range(NEARLY_ALL):
        predictor.predict_array(photo)
    predictor.prepare(64, 64)
    engine = weakref.ref(predictor.engine)
    del predictor
    assert engine() is None


@pytest.mark.usefixtures("without_collector")
def test_a_network_that_fails_its_self_test_is_freed_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[object]] = []
    test = Predictor._self_test
    monkeypatch.setattr(
        Predictor, "_self_test", lambda self, bundle: (made.append(weakref.ref(self.engine)), test(self, bundle))
    )
    store.add("deeplabv3plus")
    register_unchecked(store, failing_self_test(store.folder / "bad"), "segformer")
    registry = ModelRegistry(store.settings())
    registry.sync()
    assert "self-test" in registry.errors["segformer"]
    assert len(made) >= 2
    alive = [engine() for engine in made if engine() is not None]
    assert alive == [registry.served["deeplabv3plus"].predictor.engine]


def test_classes_of_a_version_need_no_network(store: Store, engines: "list[weakref.ref[object]]") -> None:
    for bias in range(5):
        store.add(bias=bias)
    store.client.set_registered_model_alias("segformer", "champion", "5")
    with serving(create_app(store.settings())) as client:
        for version in (1, 2, 3, 4, 5, 1, 2):
            answer = client.get(f"/classes?model=segformer/{version}")
            assert answer.status_code == 200
            assert len(answer.json()["classes"]) == 8
        assert len(engines) == 1
        assert client.get("/classes?model=segformer/6").status_code == 404


def test_versions_asked_for_are_let_go_when_others_are(store: Store, engines: "list[weakref.ref[object]]") -> None:
    for bias in range(6):
        store.add(bias=bias)
    with serving(create_app(store.settings())) as client:
        for version in (1, 2, 3, 4, 5, 1, 2, 3):
            assert client.get(f"/models/segformer/{version}").status_code == 200
        gc.collect()
        assert len(engines) == 9
        assert sum(engine() is not None for engine in engines) == 1 + MAX_LOADED


@pytest.mark.timeout(1800)
def test_alias_flips_leave_memory_as_it_was(store: Store) -> None:
    """`make hostile` flips a hundred times between two versions of the bundled SegFormer."""
    made = store.folder / "made" / "0"
    bundle = shutil.copytree(FOLDER / "segformer", made) if LONG else make_bundle(made, name="segformer")
    for limits in ("one", "two"):
        rewrite_card(bundle, limits=limits)
        register_bundle(bundle, tracking_uri=store.uri, alias="champion")
    registry = ModelRegistry(store.settings())
    photo = np.zeros((512, 1024, 3), np.uint8)
    memory, seconds = [], []
    for flip in range(100 if LONG else 8):
        start = time.monotonic()
        store.client.set_registered_model_alias("segformer", "champion", str(1 + flip % 2))
        registry.sync()
        seconds.append(time.monotonic() - start)
        assert registry.served["segformer"].version.version == str(1 + flip % 2)
        registry.served["segformer"].predictor.predict_array(photo)
        memory.append(rss_mb())
    warm = memory[3]  # both versions were served twice
    figure(
        "alias flips",
        tried=len(memory),
        refused=0,
        worst_s=max(seconds),
        worst_mb=max(memory[3:]),
        grown_mb=memory[-1] - warm,
    )
    assert memory[-1] < warm + 60
