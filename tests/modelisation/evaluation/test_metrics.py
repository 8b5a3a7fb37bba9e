"""The scores, against torchmetrics, scikit-learn and values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from back.runtime.scores.confusion import confusion_matrix, mean_of
from back.runtime.taxonomy import CITYSCAPES19, STREET8
from modelisation.evaluation.metrics import scores_of

SHAPE = (7, 9)
CLASSES = len(STREET8.classes)
labels = hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, CLASSES - 1))
labels_or_ignore = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([*range(CLASSES), 255]))


@settings(max_examples=40, deadline=None)
@given(labels_or_ignore, labels)
def test_scores_equal_torchmetrics(truth: np.ndarray, prediction: np.ndarray) -> None:
    torch = pytest.importorskip("torch", reason="torch is only in the training environment")
    from torchmetrics.functional.classification import (
        multiclass_accuracy,
        multiclass_f1_score,
        multiclass_jaccard_index,
    )

    if (truth == 255).all():
        return
    scores = scores_of(confusion_matrix(truth, prediction, CLASSES), STREET8)
    p, t = torch.from_numpy(prediction)[None].long(), torch.from_numpy(truth)[None].long()
    absent = float("nan")

    def per_class(metric) -> list[float]:  # type: ignore[no-untyped-def]
        return metric(p, t, num_classes=CLASSES, average="none", ignore_index=255).tolist()

    jaccard = multiclass_jaccard_index(
        p, t, num_classes=CLASSES, average="none", ignore_index=255, zero_division=absent
    )
    present = [v for v in jaccard.tolist() if v == v]
    assert [v for v in scores["class_iou"].values() if v is not None] == pytest.approx(present, abs=1e-6)
    assert scores["miou"] == pytest.approx(np.mean(present), abs=1e-6)
    micro = multiclass_accuracy(p, t, num_classes=CLASSES, average="micro", ignore_index=255)
    assert scores["pixel_accuracy"] == pytest.approx(float(micro), abs=1e-6)
    assert [v or 0.0 for v in scores["dice"].values()] == pytest.approx(per_class(multiclass_f1_score), abs=1e-6)
    assert [v or 0.0 for v in scores["class_accuracy"].values()] == pytest.approx(
        per_class(multiclass_accuracy), abs=1e-6
    )


def test_scores_worked_out_by_hand() -> None:
    matrix = np.zeros((8, 8), np.int64)
    matrix[0, 0], matrix[0, 1], matrix[1, 1], matrix[7, 0] = 6, 2, 1, 1
    scores = scores_of(matrix, STREET8)
    assert scores["class_iou"]["road"] == 6 / 9
    assert scores["class_iou"]["sidewalk"] == 1 / 3
    assert scores["class_iou"]["background"] == 0.0
    assert scores["miou"] == scores["miou_8"] == pytest.approx((6 / 9 + 1 / 3 + 0) / 3)
    assert scores["miou_7"] == pytest.approx((6 / 9 + 1 / 3) / 2)
    assert scores["pixel_accuracy"] == 0.7
    assert scores["frequency_weighted_iou"] == pytest.approx(0.8 * 6 / 9 + 0.1 / 3)
    assert scores["dice"]["road"] == 12 / 15
    assert scores["class_accuracy"]["road"] == 6 / 8
    assert scores["classes_without_pixels"] == ["building", "vehicle", "pedestrian", "vegetation", "sky"]


def test_class_without_pixels_has_no_score_and_leaves_the_mean_alone() -> None:
    truth = np.uint8([[0, 0, 1, 1]])
    scores = scores_of(confusion_matrix(truth, truth, 8), STREET8)
    assert scores["class_iou"]["sky"] is None
    assert scores["miou"] == 1.0


def test_class_that_is_only_predicted_scores_zero() -> None:
    scores = scores_of(confusion_matrix(np.uint8([0, 0]), np.uint8([0, 6]), 8), STREET8)
    assert scores["class_iou"]["sky"] == 0.0
    assert scores["class_accuracy"]["sky"] is None


def test_the_two_headline_numbers_belong_to_street8_alone() -> None:
    scores = scores_of(np.eye(19, dtype=np.int64), CITYSCAPES19)
    assert scores["miou"] == 1.0
    assert scores["miou_8"] is None
    assert scores["miou_7"] is None


def test_nothing_labelled_gives_no_score_rather_than_a_division_by_zero() -> None:
    scores = scores_of(np.zeros((8, 8), np.int64), STREET8)
    assert scores["miou"] is None
    assert scores["pixel_accuracy"] is None
    assert mean_of([]) is None
