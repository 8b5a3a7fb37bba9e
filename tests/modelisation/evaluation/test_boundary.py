"""Boundary IoU against its definition: eroded masks, class by class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion

from back.runtime.taxonomy import STREET8
from modelisation.evaluation.boundary import BoundaryIoU, band_distance, outlines_of


def band_by_erosion(labels: np.ndarray, class_id: int, distance: int, ignored: np.ndarray) -> np.ndarray:
    """The definition: a class's mask less its erosion, where neither ignored pixels nor the outside erode."""
    mask = (labels == class_id) & ~ignored
    square = np.ones((2 * distance + 1,) * 2, bool)
    return mask & ~binary_erosion(mask | ignored, square, border_value=1)


def blocks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 8, (6, 8)), np.ones((7, 7), int)).astype(np.uint8)
    prediction = np.roll(truth, rng.integers(-3, 4, 2), (0, 1))
    truth[rng.random(truth.shape) < 0.03] = 255
    return truth, prediction


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 11), st.integers(1, 140), st.integers(1, 60))
def test_bands_of_every_class_are_the_eroded_ones(seed: int, distance: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    corner = np.s_[: -(-height // 9), : -(-width // 9)]
    truth = np.kron(rng.integers(0, 8, (16, 7))[corner], np.ones((9, 9), int)).astype(np.uint8)[:height, :width]
    prediction = np.roll(truth, rng.integers(-3, 4, 2), (0, 1))
    prediction[rng.random(truth.shape) < 0.001] = 7
    truth[rng.random(truth.shape) < 0.03] = 255
    ignored = truth == 255
    intersection, union = outlines_of(truth, prediction, 8, distance)
    for class_id in range(8):
        t = band_by_erosion(truth, class_id, distance, ignored)
        p = band_by_erosion(prediction, class_id, distance, ignored)
        assert (intersection[class_id], union[class_id]) == ((t & p).sum(), (t | p).sum())


def test_classes_that_are_none_and_maps_of_two_sizes_are_refused() -> None:
    truth = np.zeros((9, 9), np.uint8)
    prediction = truth.copy()
    prediction[4, 4] = 8
    with pytest.raises(ValueError, match=r"outside the classes 0\.\.7"):
        outlines_of(truth, prediction, 8)
    with pytest.raises(ValueError, match="differ in size"):
        outlines_of(truth, prediction[1:], 8)


def test_score_equals_the_definition_over_two_images() -> None:
    streaming = BoundaryIoU(8)
    common, either = np.zeros(8), np.zeros(8)
    for seed in (1, 2):
        truth, prediction = blocks(seed)
        streaming.add(truth, prediction)
        ignored = truth == 255
        distance = band_distance(*truth.shape)
        for c in range(8):
            t = band_by_erosion(truth, c, distance, ignored)
            p = band_by_erosion(prediction, c, distance, ignored)
            common[c] += (t & p).sum()
            either[c] += (t | p).sum()
    scores = streaming.scores(STREET8)
    assert list(scores["class_boundary_iou"].values()) == pytest.approx(list(common / either))
    assert scores["boundary_iou"] == pytest.approx((common / either).mean())


def test_perfect_prediction_scores_one_and_a_shift_costs_more_than_in_iou() -> None:
    truth = np.zeros((60, 80), np.uint8)
    truth[20:40, 20:60] = 3
    exact, shifted = BoundaryIoU(8), BoundaryIoU(8)
    exact.add(truth, truth)
    moved = np.roll(truth, 1, 1)
    shifted.add(truth, moved)
    assert exact.scores(STREET8)["boundary_iou"] == 1.0
    iou = ((truth == 3) & (moved == 3)).sum() / ((truth == 3) | (moved == 3)).sum()
    assert shifted.scores(STREET8)["class_boundary_iou"]["vehicle"] < iou


def test_class_without_outline_has_no_score() -> None:
    streaming = BoundaryIoU(8)
    streaming.add(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8))
    assert streaming.scores(STREET8)["boundary_iou"] is None
    assert streaming.scores(STREET8)["class_boundary_iou"]["road"] is None


def test_ignored_pixels_make_no_outline() -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[:, 10:] = 255
    streaming = BoundaryIoU(8)
    streaming.add(truth, np.zeros_like(truth))
    assert streaming.union.sum() == 0


def test_band_is_half_a_per_cent_of_the_diagonal() -> None:
    assert band_distance(1024, 2048) == 11
    assert band_distance(360, 480) == 3
    assert band_distance(8, 8) == 1
