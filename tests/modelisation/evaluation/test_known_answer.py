"""The numbers of an evaluation, to the last digit: a change of the code that moves one must be meant.

The label maps are those of three rendered scenes, kept as files: a change of the renderer moves no number here.
The network labels each pixel with the class of its colour, so what it predicts is what was painted.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.predictor import Predictor
from back.runtime.taxonomy import STREET8, apply_remap, remap_for
from modelisation.data.open import open_dataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from tests.bundles import make_bundle, paint

HERE = Path(__file__).parent
SCORES = (
    *("miou", "miou_8", "miou_7", "pixel_accuracy", "mean_class_accuracy", "frequency_weighted_iou", "mean_dice"),
    *("class_iou", "class_accuracy", "dice", "classes_without_pixels", "confusion_matrix", "boundary", "per_image"),
)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes whose pictures are painted as a network errs: outlines moved, a block of another class."""
    root = tmp_path_factory.mktemp("scenes")
    for name in ("images", "labels"):
        (root / "val" / name).mkdir(parents=True)
    for number, file in enumerate(sorted((HERE / "scenes").glob("*.png"))):
        truth = apply_remap(np.array(Image.open(file)), remap_for("cityscapes_label_ids", "street8"))
        painted = np.roll(np.where(truth == 255, 0, truth), (1, 2), (0, 1)).astype(np.uint8)
        painted[20:30, 50 + number : 70] = number
        Image.fromarray(truth).save(root / "val" / "labels" / file.name)
        Image.fromarray(paint(painted, STREET8)).save(root / "val" / "images" / file.name)
    return root


def test_scores_of_rendered_scenes_equal_the_stored_ones_to_the_last_digit(split: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, score_stride=1, pixel_budget=64 * 128)
    predictor = Predictor.load(bundle, precision="fp32")
    record = evaluate(bundle, open_dataset(split, "val"), EvaluationOptions(latency_runs=0), predictor=predictor)
    known = json.loads((HERE / "scenes" / "scores.json").read_text(encoding="utf-8"))
    assert {key: record[key] for key in SCORES} == known
