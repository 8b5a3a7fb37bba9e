"""Counting pixels and IoU, against loops, scikit-learn and values worked out by hand."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from back.runtime.scores.confusion import class_ious, confusion_matrix, count_pairs, ious_of, scores_against
from back.runtime.taxonomy import STREET8
from modelisation.evaluation.metrics import scores_of

SHAPE = (7, 9)
CLASSES = len(STREET8.classes)
labels = hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, CLASSES - 1))
labels_or_ignore = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([*range(CLASSES), 255]))


@given(labels_or_ignore, labels)
def test_pairs_are_those_of_a_loop_over_the_pixels(a: np.ndarray, b: np.ndarray) -> None:
    counts = np.zeros((256, 256), int)
    for row, column in zip(a.flat, b.flat, strict=True):
        counts[row, column] += 1
    assert np.array_equal(count_pairs(a, b), counts)


def test_large_maps_are_counted_whole() -> None:
    a, b = np.random.default_rng(0).integers(0, 8, (2, 1500, 1501), dtype=np.uint8)
    a, b = a.T, b.T  # not contiguous, as a turned photo's map may be
    counted = [[((a == i) & (b == j)).sum() for j in range(8)] for i in range(8)]
    assert np.array_equal(count_pairs(a, b)[:8, :8], counted)


def test_counting_a_large_photo_takes_little_memory() -> None:
    photo = np.zeros((3000, 4000), np.uint8)
    tracemalloc.start()
    try:
        count_pairs(photo, photo)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < photo.nbytes


@settings(max_examples=60, deadline=None)
@given(labels_or_ignore, labels)
def test_matrix_equals_scikit_learn_on_the_pixels_that_count(truth: np.ndarray, prediction: np.ndarray) -> None:
    from sklearn.metrics import confusion_matrix as reference

    counts = truth != 255
    expected = np.zeros((CLASSES, CLASSES), np.int64)
    if counts.any():
        expected = reference(truth[counts], prediction[counts], labels=range(CLASSES))
    assert (confusion_matrix(truth, prediction, CLASSES) == expected).all()


@settings(max_examples=30, deadline=None)
@given(labels_or_ignore, labels, labels_or_ignore, labels)
def test_matrices_of_two_images_add_up_to_the_matrix_of_both(
    truth_a: np.ndarray, prediction_a: np.ndarray, truth_b: np.ndarray, prediction_b: np.ndarray
) -> None:
    both = confusion_matrix(np.stack([truth_a, truth_b]), np.stack([prediction_a, prediction_b]), CLASSES)
    apart = confusion_matrix(truth_a, prediction_a, CLASSES) + confusion_matrix(truth_b, prediction_b, CLASSES)
    assert both.dtype == np.int64
    assert (both == apart).all()


@given(labels_or_ignore, labels)
def test_scores_are_those_of_the_evaluation(label: np.ndarray, predicted: np.ndarray) -> None:
    ours = scores_against(count_pairs(label, predicted), STREET8)
    theirs = scores_of(confusion_matrix(label, predicted, 8), STREET8)
    assert ours == {key: theirs[key] for key in ours if key != "confusion_matrix"} | {
        "confusion_matrix": confusion_matrix(label, predicted, 8).tolist()
    }


@given(hnp.arrays(np.int64, (4, 4), elements=st.integers(0, 3)))
def test_iou_is_hits_over_the_union_and_none_where_there_is_none(matrix: np.ndarray) -> None:
    expected = []
    for i in range(4):
        union = sum(int(matrix[i, j]) + int(matrix[j, i]) for j in range(4)) - int(matrix[i, i])
        expected.append(int(matrix[i, i]) / union if union else None)
    assert class_ious(matrix) == expected
    assert np.array_equal(ious_of(np.stack([matrix, matrix]))[1], np.array(expected, float), equal_nan=True)


@pytest.mark.parametrize(
    ("truth", "prediction", "sentence"),
    [
        (np.uint8([0, 9]), np.uint8([0, 0]), "truth holds 9"),
        (np.uint8([0, 1]), np.uint8([0, 8]), "prediction holds 8"),
        (np.uint8([0, 1]), np.uint8([0]), "compare at one size"),
        (np.int64([0, 1]), np.uint8([0, 1]), "must be uint8"),
    ],
)
def test_wrong_maps_are_refused_with_a_sentence(truth: np.ndarray, prediction: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        confusion_matrix(truth, prediction, 8)


def test_values_at_ignored_pixels_do_not_matter() -> None:
    assert confusion_matrix(np.uint8([255, 1]), np.uint8([200, 1]), 8).sum() == 1
