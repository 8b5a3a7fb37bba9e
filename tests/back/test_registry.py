import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from back import loading
from back.catalogue import ModelVersion
from back.loading import ModelLoader, Served
from back.problems import Problem
from back.registry import ModelRegistry
from back.runtime.card import ONNX_FILE
from modelisation.registry.versions import register_bundle
from tests.api import Store
from tests.bundles import make_bundle, rewrite_card


@pytest.fixture
def registry(store: Store) -> ModelRegistry:
    return ModelRegistry(store.settings())


def _versions(registry: ModelRegistry) -> dict[str, str]:
    return {name: served.version.version for name, served in registry.served.items()}


def _add_broken(store: Store, alias: str) -> None:
    """Register a version whose self-test fails: its labels are those of another picture."""
    bundle = make_bundle(store.folder / "broken", name="segformer", bias=9)
    other = make_bundle(store.folder / "other", name="other", classes=2)
    wrong = json.loads((other / "model.json").read_text(encoding="utf-8"))["self_test"]["labels_png"]
    test = json.loads((bundle / "model.json").read_text(encoding="utf-8"))["self_test"] | {"labels_png": wrong}
    rewrite_card(bundle, self_test=test)
    register_bundle(bundle, tracking_uri=store.uri, alias=alias)


def test_champion_is_served_and_a_moved_alias_is_followed(store: Store, registry: ModelRegistry) -> None:
    store.add(alias="champion")
    store.add(alias="candidate", bias=1)
    registry.sync()
    assert _versions(registry) == {"segformer": "1"}
    first = registry.served["segformer"]
    registry.sync()
    assert registry.served["segformer"] is first  # nothing moved, nothing was loaded again
    store.client.set_registered_model_alias("segformer", "champion", "2")
    registry.sync()
    assert _versions(registry) == {"segformer": "2"}
    assert registry.served["segformer"].predictor.sha256 != first.predictor.sha256


@pytest.mark.alone
def test_broken_new_version_leaves_the_old_one_serving_and_says_why(store: Store, registry: ModelRegistry) -> None:
    store.add(alias="champion")
    registry.sync()
    _add_broken(store, "champion")
    registry.sync()
    assert _versions(registry) == {"segformer": "1"}
    assert "self-test" in registry.errors["segformer"]
    assert registry.reason_not_ready() is None
    start = time.perf_counter()
    registry.sync()
    assert "self-test" in registry.errors["segformer"]
    assert time.perf_counter() - start < 1  # a version that cannot work is not compiled again and again
    store.client.set_registered_model_alias("segformer", "champion", "1")
    registry.sync()
    assert registry.errors == {}


def test_one_broken_model_does_not_keep_another_from_serving(store: Store, registry: ModelRegistry) -> None:
    _add_broken(store, "champion")
    store.add("deeplabv3plus")
    registry.sync()
    assert _versions(registry) == {"deeplabv3plus": "1"}
    with pytest.raises(Problem) as caught:
        registry.find("segformer")
    assert caught.value.status_code == 503
    assert "self-test" in str(caught.value.detail)
    assert caught.value.cause == "no-model"


def test_model_of_another_project_is_named_as_such(store: Store, registry: ModelRegistry, tmp_path: Path) -> None:
    run = store.client.create_run("1")
    (tmp_path / "weights.txt").write_text("x", encoding="utf-8")
    store.client.log_artifact(run.info.run_id, str(tmp_path / "weights.txt"), "model")
    store.client.create_registered_model("churn")
    store.client.create_model_version("churn", f"{run.info.artifact_uri}/model", run_id=run.info.run_id)
    registry.sync()
    assert "no StreetSeg bundle" in registry.errors["churn"]


def test_artifacts_that_were_tampered_with_are_refused(store: Store, registry: ModelRegistry) -> None:
    store.add()
    (onnx,) = (store.folder / "artifacts").rglob(ONNX_FILE)
    onnx.write_bytes(onnx.read_bytes()[:-1] + b"\x00")
    registry.sync()
    assert registry.served == {}
    assert "does not match the card's sha256" in registry.errors["segformer"]


def _unreachable(*_: object) -> Path:
    raise ConnectionError("GET http://me:secret@127.0.0.1:9/x")


def test_password_in_mlflows_address_is_never_said(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    registry = ModelRegistry(store.settings(mlflow_tracking_uri="http://me:secret@127.0.0.1:9"))
    registry.sync()
    assert registry.reason_not_ready() == (
        "mlflow-away",
        "MLflow at http://127.0.0.1:9 does not answer; start it, or set STREETSEG_MLFLOW_TRACKING_URI.",
    )
    assert "secret" not in caplog.text
    store.add()
    monkeypatch.setattr(loading, "fetch_bundle", _unreachable)
    registry = ModelRegistry(store.settings())
    registry.sync()
    assert "ConnectionError: GET http://127.0.0.1:9/x" in registry.errors["segformer"]
    assert "secret" not in registry.errors["segformer"] + caplog.text
    assert registry._settings.ui_url == "http://mlflow.example"
    assert store.settings(mlflow_tracking_uri="http://me:secret@host", mlflow_ui_url=None).ui_url == "http://host"


def test_damaged_cache_is_downloaded_again(store: Store) -> None:
    store.add()
    ModelRegistry(store.settings()).sync()
    (cached,) = (store.folder / "cache" / "bundles").glob(f"*/{ONNX_FILE}")
    cached.write_bytes(b"")
    registry = ModelRegistry(store.settings())
    registry.sync()
    assert _versions(registry) == {"segformer": "1"}


def test_deleted_model_is_served_no_more(store: Store, registry: ModelRegistry) -> None:
    store.add()
    registry.sync()
    store.client.delete_registered_model("segformer")
    registry.sync()
    assert registry.served == {}
    cause, sentence = registry.reason_not_ready() or ("", "")
    assert cause == "no-model"
    assert "holds no model" in sentence


def test_store_that_goes_away_leaves_what_is_loaded(store: Store, registry: ModelRegistry) -> None:
    store.add()
    registry.sync()
    registry._settings = store.settings(mlflow_tracking_uri="http://127.0.0.1:9")
    del registry.client
    registry.sync()
    assert "http://127.0.0.1:9 does not answer" in str(registry.mlflow_error)
    assert _versions(registry) == {"segformer": "1"}
    assert registry.reason_not_ready() is None


def test_store_that_is_away_at_the_start_is_named(store: Store) -> None:
    registry = ModelRegistry(store.settings(mlflow_tracking_uri="http://127.0.0.1:9"))
    registry.sync()
    assert registry.reason_not_ready() == (
        "mlflow-away",
        "MLflow at http://127.0.0.1:9 does not answer; start it, or set STREETSEG_MLFLOW_TRACKING_URI.",
    )


def test_default_model_that_is_not_there_is_said(store: Store) -> None:
    store.add()
    registry = ModelRegistry(store.settings(default_model="segfromer"))
    registry.sync()
    assert registry.reason_not_ready() == (
        "no-model",
        "STREETSEG_DEFAULT_MODEL=segfromer is not in MLflow. Known models: segformer.",
    )


def test_while_models_load_it_says_which(
    store: Store, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("deeplabv3plus")
    store.add("segformer")
    said: list[object] = [registry.reason_not_ready()]
    load = ModelLoader.load

    def slow_segformer(self: ModelLoader, fetch: Callable[[ModelVersion], Path], version: ModelVersion) -> Served:
        if version.name == "segformer":
            while "deeplabv3plus" not in registry.served:
                time.sleep(0.01)
            said.append(registry.reason_not_ready())
            with pytest.raises(Problem) as caught:
                registry.find("segformer")
            said.append((caught.value.cause, caught.value.detail))
        return load(self, fetch, version)

    monkeypatch.setattr(ModelLoader, "load", slow_segformer)
    registry.sync()
    waiting = ("loading", "segformer is being loaded; try again in a few seconds.")
    assert said == [("loading", "MLflow has not been asked yet; try again in a few seconds."), waiting, waiting]
    assert registry.reason_not_ready() is None


def test_versions_asked_for_stay_loaded_up_to_a_limit(store: Store, registry: ModelRegistry) -> None:
    for bias in range(4):
        store.add(bias=bias)
    store.client.set_registered_model_alias("segformer", "champion", "4")
    registry.sync()
    for version in ("1", "2", "3"):
        found = registry.find(f"segformer/{version}")
        assert isinstance(found, ModelVersion)
        assert registry.pinned.load(found).version.version == version
    assert isinstance(registry.find("segformer/4"), Served)
    assert isinstance(registry.find("segformer/3"), Served)
    assert isinstance(registry.find("segformer/1"), ModelVersion)  # the one unused for longest was let go


def test_same_version_number_of_anew_store_is_not_taken_from_the_cache(store: Store) -> None:
    store.add(bias=1)
    first = ModelRegistry(store.settings())
    first.sync()
    store.client.delete_registered_model("segformer")
    shutil.rmtree(store.folder / "artifacts")
    time.sleep(0.002)  # the creation time, in milliseconds, is what differs
    store.add(bias=2)
    second = ModelRegistry(store.settings())
    second.sync()
    assert _versions(second) == {"segformer": "1"}
    assert second.served["segformer"].predictor.sha256 != first.served["segformer"].predictor.sha256
