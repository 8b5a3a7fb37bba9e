"""What MLflow's own pages show of a model: its data, its scores, two sentences, and a file to load."""

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pytest

from back.runtime.card import CARD_FILE, HISTORY_FILE, REPORT_FILE, read_card, sha256_of
from modelisation.data.cityscapes import SCENES_LICENCE
from modelisation.registry.bundled import FOLDER
from modelisation.registry.inputs import SCENES, inputs_of
from modelisation.registry.story import describe, final_scores
from modelisation.registry.unregistered import tell_unregistered
from modelisation.registry.versions import RegisteredVersion, experiment_id, register_bundle
from tests.api import Store, empty_database, shared_store, store
from tests.bundles import make_bundle, rewrite_card

__all__ = ["empty_database", "shared_store", "store"]
BUNDLE = FOLDER / "segformer"
REPORT = json.loads((BUNDLE / REPORT_FILE).read_text(encoding="utf-8"))["evaluation"]


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> tuple[str, RegisteredVersion]:
    """The bundled SegFormer in a store of its own."""
    uri = f"sqlite:///{shutil.copy(empty_database, tmp_path_factory.mktemp('story') / 'mlflow.db')}"
    return uri, register_bundle(BUNDLE, tracking_uri=uri, alias="champion")


@pytest.fixture
def run(registered: tuple[str, RegisteredVersion]) -> mlflow.entities.Run:
    uri, version = registered
    return mlflow.MlflowClient(uri).get_run(version.run_id)


def test_a_run_holds_its_data_with_hash_number_and_licence(run: mlflow.entities.Run) -> None:
    card = read_card(BUNDLE)
    inputs = {i.dataset.name: i for i in run.inputs.dataset_inputs}
    assert set(inputs) == {"camvid train", "camvid val", SCENES}
    for name, sha256, pictures, use in (
        ("camvid train", card.training.split_sha256, 367, "training"),
        ("camvid val", card.metrics.split_sha256, 101, "evaluation"),
    ):
        profile = json.loads(inputs[name].dataset.profile)
        assert profile["split_sha256"] == sha256
        assert sha256.startswith(inputs[name].dataset.digest)
        assert profile["pictures"] == pictures
        assert profile["licence"] == card.training.data_licence
        assert {t.key: t.value for t in inputs[name].tags}["mlflow.data.context"] == use
        assert mlflow.data.get_source(inputs[name]).to_dict()["tags"]["mlflow.source.name"] == "modelisation.data"
    scenes = json.loads(inputs[SCENES].dataset.profile)
    assert (scenes["pictures"], scenes["licence"]) == (400, SCENES_LICENCE)


def test_a_run_holds_its_final_evaluation(run: mlflow.entities.Run) -> None:
    metrics = run.data.metrics
    assert metrics["miou_8"] == REPORT["miou_8"]
    assert metrics["miou_7"] == REPORT["miou_7"]
    assert metrics["pixel_accuracy"] == REPORT["pixel_accuracy"]
    assert metrics["boundary_iou"] == REPORT["boundary"]["boundary_iou"]
    assert metrics["ece"] == REPORT["calibration"]["ece"]
    for name, iou in REPORT["class_iou"].items():
        assert metrics[f"iou_{name}"] == iou


def test_a_run_is_described_in_two_sentences(run: mlflow.entities.Run) -> None:
    assert run.data.tags["mlflow.note.content"] == (
        "SegFormer-B0 trained from random weights, eight street classes, trained for 2 epochs on the 367 pictures of "
        "camvid train and 400 rendered scenes (terms: CamVid: research, non-commercial (CC BY-NC)). It was evaluated "
        "on the 101 pictures of camvid val: mIoU-8 79.5 %, mIoU-7 83.9 %, pixel accuracy 92.5 %, "
        "boundary IoU 23.8 %, calibration error 0.7 %."
    )


def test_a_run_has_the_figure_of_its_confusions(registered: tuple[str, RegisteredVersion], tmp_path: Path) -> None:
    uri, version = registered
    path = mlflow.MlflowClient(uri).download_artifacts(version.run_id, "confusion_matrix.svg", str(tmp_path))
    svg = Path(path).read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "segformer on camvid val" in svg


def test_the_logged_model_stands_beside_the_run_and_under_the_version(
    registered: tuple[str, RegisteredVersion], run: mlflow.entities.Run
) -> None:
    uri, version = registered
    client = mlflow.MlflowClient(uri)
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert (model.name, str(model.status), model.source_run_id) == ("segformer", "READY", version.run_id)
    assert client.get_model_version("segformer", version.version).source == model.artifact_location
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "segformer", "version": version.version}]
    scores = {metric.key: metric for metric in model.metrics}
    assert scores["miou_8"].value == REPORT["miou_8"]
    assert (scores["miou_8"].dataset_name, scores["miou_8"].run_id) == ("camvid val", version.run_id)
    assert model.tags["mlflow.note.content"] == run.data.tags["mlflow.note.content"]


def test_a_bundle_in_mlflow_is_byte_for_byte_the_shipped_one(registered: tuple[str, RegisteredVersion]) -> None:
    uri, version = registered
    client = mlflow.MlflowClient(uri)
    stored = Path(client.get_model_version("segformer", version.version).source.removeprefix("file://"))
    for name in (CARD_FILE, *read_card(BUNDLE).files):
        assert (stored / name).read_bytes() == (BUNDLE / name).read_bytes(), name


def trained_here(store: Store, folder: Path) -> Path:
    """A bundle whose run is in the store, as after `train`."""
    run = store.client.create_run(experiment_id(store.client, "streetseg"), tags={"pictures": "6"})
    bundle = make_bundle(folder, name="segformer")
    history = json.loads((bundle / HISTORY_FILE).read_bytes())
    history |= {"run_id": run.info.run_id, "tags": {"pictures": "6"}}
    (bundle / HISTORY_FILE).write_text(json.dumps(history), encoding="utf-8")
    card = read_card(bundle)
    return rewrite_card(bundle, files=card.files | {HISTORY_FILE: sha256_of(bundle / HISTORY_FILE)})


def test_a_run_that_trained_it_tells_the_same_as_one_replayed_elsewhere(store: Store, tmp_path: Path) -> None:
    bundle = trained_here(store, tmp_path)
    trained = json.loads((bundle / HISTORY_FILE).read_bytes())["run_id"]
    register_bundle(bundle, tracking_uri=store.uri, run_id=trained)
    replayed = register_bundle(rewrite_card(bundle, limits="Moved."), tracking_uri=store.uri).run_id
    here, there = store.client.get_run(trained), store.client.get_run(replayed)
    assert "on the 6 pictures of scenes train" in here.data.tags["mlflow.note.content"]
    assert there.data.tags["mlflow.note.content"] == here.data.tags["mlflow.note.content"]
    assert there.data.metrics.items() >= here.data.metrics.items()
    used = [[(i.dataset.name, i.dataset.profile) for i in run.inputs.dataset_inputs] for run in (here, there)]
    assert used[0] == used[1]


def test_a_run_whose_bundle_is_not_registered_holds_its_scores_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = trained_here(store, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    tell_unregistered(bundle)
    run = store.client.get_run(json.loads((bundle / HISTORY_FILE).read_bytes())["run_id"])
    assert run.data.metrics["miou_8"] == 0.5
    assert len(run.inputs.dataset_inputs) == 2
    assert list(store.client.search_registered_models()) == []


def test_a_model_that_fails_to_be_stored_is_marked_failed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(mlflow.MlflowClient, "log_model_artifact", full)
    with pytest.raises(OSError, match="No space"):
        register_bundle(make_bundle(tmp_path), tracking_uri=store.uri)
    (model,) = store.client.search_logged_models([store.client.get_experiment_by_name("streetseg").experiment_id])
    assert str(model.status) == "FAILED"
    assert list(store.client.search_registered_models()) == []


def test_scores_that_were_not_measured_are_left_out() -> None:
    evaluation = {
        "miou": 0.5,
        "miou_8": None,
        "pixel_accuracy": float("nan"),
        "class_iou": {"sky": None, "a/ö (1)": 1},
    }
    assert final_scores(evaluation) == {"miou": 0.5, "iou_a/ö _1_": 1.0}
    assert final_scores({"boundary": None, "calibration": None, "class_iou": None}) == {}


def test_a_card_without_training_or_evaluation_is_described_all_the_same(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    card = read_card(rewrite_card(bundle, training=None, metrics=None))
    assert inputs_of(card, {}) == []
    assert describe(card) == "Labels each pixel with the class of the nearest colour. It has not been evaluated."
    card = read_card(make_bundle(tmp_path / "whole"))
    assert describe(card) == (
        "Labels each pixel with the class of the nearest colour, trained for 2 epochs on scenes train (terms: MIT). "
        "It was evaluated on the 2 pictures of scenes val: mIoU-8 50.0 %, mIoU-7 50.0 %, pixel accuracy 80.0 %."
    )


def test_the_confusions_of_another_class_set_are_drawn_with_its_names() -> None:
    from modelisation.figures.confusion_svg import confusion_svg

    svg = confusion_svg(np.array([[3, 1], [0, 0]]), ["<road>", "sky & cloud"], "a < b")
    assert "&lt;road&gt;" in svg
    assert "sky &amp; cloud" in svg
    assert ">75</text>" in svg
    assert svg.count("<rect") == 5
