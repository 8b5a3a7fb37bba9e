"""What the benchmark of `evaluate` compares gives the same numbers from the same labels, and its table tells them."""

import numpy as np
import pytest

from back.runtime.scores.confusion import confusion_matrix
from back.runtime.taxonomy import STREET8
from modelisation.evaluation.metrics import scores_of
from modelisation.reports.evaluation_speed import evaluation_lines, evaluation_table
from tests.benchmarks.evaluation_ways import histogram_areas, iou_of_areas, jaccard

CLASSES = len(STREET8.classes)


@pytest.fixture
def pictures() -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of prediction and truth; some pixels ignored, one class in neither."""
    rng = np.random.default_rng(5)
    pairs = [rng.integers(0, CLASSES - 1, (2, 30, 40)).astype(np.uint8) for _ in range(3)]
    for _, truth in pairs:
        truth[rng.random(truth.shape) < 0.1] = 255
    return [(prediction, truth) for prediction, truth in pairs]


def test_the_ways_count_what_we_count(pictures: list[tuple[np.ndarray, np.ndarray]]) -> None:
    torch = pytest.importorskip("torch", reason="torch is only in the training environment")
    total, areas, metric = np.zeros((CLASSES, CLASSES), np.int64), np.zeros((3, CLASSES)), jaccard(CLASSES)
    for prediction, truth in pictures:
        total += confusion_matrix(truth, prediction, CLASSES)
        areas += histogram_areas(prediction, truth, CLASSES)
        metric.update(torch.from_numpy(prediction.astype(np.int64)), torch.from_numpy(truth.astype(np.int64)))
    ours = np.array([np.nan if v is None else v for v in scores_of(total, STREET8)["class_iou"].values()])
    np.testing.assert_allclose(iou_of_areas(areas), ours, rtol=1e-12)
    np.testing.assert_allclose(metric.compute().numpy(), ours, rtol=1e-6)


def test_the_table_tells_how_much_slower_each_way_is(tmp_path) -> None:
    assert evaluation_lines(tmp_path / "none.json") == ["Not measured yet: `make benchmark-evaluate`."]
    row = {"model": "segformer", "pictures": "camvid val, 480x360", "images": 10, "miou": 0.5}
    lines = evaluation_table(
        {
            "rows": [
                row | {"way": "StreetSeg", "seconds": [2.0, 1.0, 2.0]},
                row | {"way": "peer", "seconds": [10.0, 8.0, 14.0]},
            ],
            "rounds": 3, "failures": {"another": "it fell"}, "git_dirty": False, "git_commit": "f" * 40,
            "date": "2026-11-28", "machine": {"processor": "a processor", "cores": 2},
        }
    )  # fmt: skip
    assert "| segformer, camvid val, 480x360, StreetSeg | 5.0 |  | 50.00 |" in lines
    assert "| segformer, camvid val, 480x360, peer | 1.0 | 7.0 (5.0–8.0) | 50.00 |" in lines
    assert "- another: it fell" in lines
