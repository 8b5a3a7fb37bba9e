"""Our protocol against the official Cityscapes script, to the last digit."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.scores.confusion import confusion_matrix
from back.runtime.taxonomy import CITYSCAPES19, apply_remap, remap_for
from modelisation.evaluation.cityscapes_protocol import (
    CITYSCAPES_TRAIN_LABEL_IDS,
    CityscapesProtocol,
    evaluate_folders,
    to_label_ids,
    write_label_ids,
)
from modelisation.evaluation.metrics import scores_of
from modelisation.scenes.render import render_scene

official = pytest.importorskip(
    "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling",
    reason="the official Cityscapes scripts are not installed",
)


@pytest.fixture
def run_official(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the official script on a ground-truth folder and a prediction folder, the way its users do."""
    # The script still calls np.in1d, which NumPy 2.4 removed; np.isin is its documented replacement.
    monkeypatch.setattr(np, "in1d", np.isin, raising=False)
    monkeypatch.setattr(official.args, "quiet", True)
    monkeypatch.setattr(official.args, "JSONOutput", False)

    def run(ground_truth: Path, predictions: Path) -> dict[str, Any]:
        monkeypatch.setattr(official.args, "predictionPath", str(predictions))
        monkeypatch.setattr(official.args, "predictionWalk", None)
        truths = sorted(str(p) for p in ground_truth.glob("*/*_labelIds.png"))
        found = [official.getPrediction(official.args, t) for t in truths]
        result: dict[str, Any] = official.evaluateImgLists(found, truths, official.args)
        return result

    return run


def assert_same_scores(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    def same(a: float | None, b: float) -> bool:
        return math.isnan(b) if a is None else a == b

    for name, score in ours["classes"].items():
        assert same(score["iou"], theirs["classScores"][name]), name
        assert same(score["iiou"], theirs["classInstScores"][name]), name
    for name, score in ours["categories"].items():
        assert same(score["iou"], theirs["categoryScores"][name]), name
        assert same(score["iiou"], theirs["categoryInstScores"][name]), name
    assert same(ours["miou_classes"], theirs["averageScoreClasses"])
    assert same(ours["miiou_classes"], theirs["averageScoreInstClasses"])
    assert same(ours["miou_categories"], theirs["averageScoreCategories"])
    assert same(ours["miiou_categories"], theirs["averageScoreInstCategories"])


def write_truth(folder: Path, stem: str, labels: np.ndarray, instances: np.ndarray) -> None:
    city = folder / stem.split("_")[0]
    city.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(city / f"{stem}_gtFine_labelIds.png")
    Image.fromarray(instances).save(city / f"{stem}_gtFine_instanceIds.png")


def random_truth(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocky random labelIds with instances of the labels that have them."""
    blocks = rng.integers(0, 34, (height // 8, width // 8))
    labels = np.kron(blocks, np.ones((8, 8), int)).astype(np.uint8)
    numbers = np.kron(rng.integers(0, 4, blocks.shape), np.ones((8, 8), int))
    countable = (labels >= 24) & (rng.random(blocks.shape).repeat(8, 0).repeat(8, 1) > 0.1)
    return labels, np.where(countable, labels.astype(int) * 1000 + numbers, labels).astype(np.uint16)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_label_maps_score_as_the_official_script(seed: int, tmp_path: Path, run_official: Any) -> None:
    rng = np.random.default_rng(seed)
    for frame in range(3):
        stem = f"town_{seed:06d}_{frame:06d}"
        labels, instances = random_truth(rng, 96, 160)
        write_truth(tmp_path / "gt", stem, labels, instances)
        wrong = rng.random(labels.shape) < 0.4
        prediction = np.where(wrong, rng.integers(0, 34, labels.shape), labels).astype(np.uint8)
        (tmp_path / "pred").mkdir(exist_ok=True)
        Image.fromarray(prediction).save(tmp_path / "pred" / f"{stem}_x.png")
    ours = evaluate_folders(tmp_path / "gt", tmp_path / "pred")
    assert ours["miou_classes"] > 0.2
    assert ours["miiou_categories"] > 0.2
    assert_same_scores(ours, run_official(tmp_path / "gt", tmp_path / "pred"))


def test_rendered_scenes_score_as_the_official_script(tmp_path: Path, run_official: Any) -> None:
    rng = np.random.default_rng(7)
    matrix = np.zeros((19, 19), np.int64)
    for seed in range(3):
        scene = render_scene(seed, 128, 256)
        stem = f"scene_{seed:06d}_000019"
        write_truth(tmp_path / "gt", stem, scene.label_ids, scene.instance_ids)
        truth = apply_remap(scene.label_ids, remap_for("cityscapes_label_ids", "cityscapes19"))
        # A prediction as networks err: shifted outlines and some wrong blocks, in trainIds.
        prediction = np.roll(np.where(truth == 255, 0, truth), (2, 3), (0, 1)).astype(np.uint8)
        prediction[40:60, 100:140] = rng.integers(0, 19)
        write_label_ids(prediction, f"{stem}_leftImg8bit.png", tmp_path / "pred")
        matrix += confusion_matrix(truth, prediction, 19)
    ours = evaluate_folders(tmp_path / "gt", tmp_path / "pred")
    theirs = run_official(tmp_path / "gt", tmp_path / "pred")
    assert_same_scores(ours, theirs)
    streamed = scores_of(matrix, CITYSCAPES19)
    assert streamed["miou"] == theirs["averageScoreClasses"]
    for name, iou in streamed["class_iou"].items():
        assert iou == ours["classes"][name]["iou"], name


def test_absent_classes_have_no_score() -> None:
    protocol = CityscapesProtocol()
    road = np.full((4, 4), 7, np.uint8)
    protocol.add(road, road, road.astype(np.uint16))
    scores = protocol.scores()
    assert scores["classes"]["road"] == {"iou": 1.0, "iiou": None}
    assert scores["classes"]["car"] == {"iou": None, "iiou": None}
    assert scores["miou_classes"] == 1.0
    assert scores["miiou_classes"] is None


def test_label_ids_are_the_inverse_of_the_training_remap() -> None:
    train_ids = np.arange(19, dtype=np.uint8)
    assert to_label_ids(train_ids).tolist() == list(CITYSCAPES_TRAIN_LABEL_IDS)
    back = apply_remap(to_label_ids(train_ids), remap_for("cityscapes_label_ids", "cityscapes19"))
    assert (back == train_ids).all()


def test_train_ids_given_as_label_ids_are_refused() -> None:
    truth = np.full((2, 2), 255, np.uint8)
    with pytest.raises(UserError, match="not trainIds"):
        CityscapesProtocol().add(truth, np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize("value", [34, 256 * 3 + 11, 26001])
def test_sixteen_bit_values_that_are_no_label_ids_are_refused(value: int) -> None:
    truth = np.full((2, 2), 7, np.uint8)
    with pytest.raises(UserError, match="prediction holds values outside the labelIds"):
        CityscapesProtocol().add(truth, np.full((2, 2), value, np.uint16))


def test_sixteen_bit_label_ids_count_as_eight_bit_ones() -> None:
    road = np.full((2, 2), 7, np.uint16)
    protocol = CityscapesProtocol()
    protocol.add(road, road)
    assert protocol.scores()["classes"]["road"]["iou"] == 1.0


def test_missing_prediction_is_named(tmp_path: Path) -> None:
    labels = np.full((8, 8), 7, np.uint8)
    write_truth(tmp_path / "gt", "town_000000_000019", labels, labels.astype(np.uint16))
    (tmp_path / "pred").mkdir()
    with pytest.raises(FileNotFoundError, match="town_000000_000019"):
        evaluate_folders(tmp_path / "gt", tmp_path / "pred")


def test_a_name_that_the_official_script_cannot_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a Cityscapes name"):
        write_label_ids(np.zeros((2, 2), np.uint8), "holiday.png", tmp_path)
