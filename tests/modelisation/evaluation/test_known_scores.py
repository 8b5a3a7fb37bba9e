"""`evaluate` gives the numbers that it has always given: known to the last digit on scenes rendered here."""

from pathlib import Path

import pytest

from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.scenes.writer import write_scenes
from tests.bundles import make_bundle

# Four scenes of seed 0 at 256x128, labelled by the nearest-colour network in fp32. Written down before the code that
# counts pixels moved to `back/runtime/scores`.
MATRIX = [
    [6938, 40, 10929, 0, 0, 253, 9097, 65],
    [3182, 1, 437, 0, 0, 1, 3024, 0],
    [8169, 5, 21738, 0, 0, 1658, 1749, 134],
    [832, 3, 5519, 0, 96, 0, 287, 4371],
    [272, 0, 2195, 0, 0, 244, 23, 118],
    [2438, 224, 17862, 0, 0, 2572, 1639, 3691],
    [96, 3374, 29, 0, 0, 0, 5129, 0],
    [2923, 6, 3311, 16, 0, 3532, 147, 274],
]


def test_scores_on_rendered_scenes_are_those_written_down(tmp_path: Path) -> None:
    write_scenes(tmp_path / "scenes", {"val": 4}, height=128, width=256)
    bundle = make_bundle(tmp_path, score_stride=1)
    predictor = Predictor.load(bundle, engine="onnxruntime", precision="fp32", threads=1)
    dataset = open_dataset(tmp_path / "scenes", "val", "street8")

    record = evaluate(bundle, dataset, EvaluationOptions(latency_runs=0, calibration=True), predictor=predictor)

    assert record["confusion_matrix"] == MATRIX
    assert record["miou_8"] == 0.09337144748414963
    assert record["miou_7"] == 0.10460441242186193
    assert record["pixel_accuracy"] == 0.2849125098139813
    assert record["class_iou"]["building"] == 0.29481250423815014
    assert record["boundary"]["boundary_iou"] == 0.025095183286959935
    assert record["calibration"]["ece"] == pytest.approx(0.12032118292021492, rel=1e-9)
