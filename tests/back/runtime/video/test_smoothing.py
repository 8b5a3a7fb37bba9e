"""Scores are held where the picture stands still, and only there."""

import numpy as np

from back.runtime.card import InputContract
from back.runtime.video.smoothing import Smoother, cells_of

CONTRACT = InputContract(
    mean=(0, 0, 0), std=(1, 1, 1), resize_filter="bilinear", stride=32, score_stride=4, pixel_budget=32 * 64
)


def _cells(value: int) -> np.ndarray:
    return np.full((8, 16, 3), value, np.uint8)


def test_the_first_frame_is_as_it_is_and_a_still_one_is_held() -> None:
    smoother = Smoother(0.25, 12)
    one, other = np.zeros((2, 8, 16), np.float32), np.ones((2, 8, 16), np.float32)
    assert np.array_equal(smoother.smooth(one, _cells(7)), one)
    assert np.allclose(smoother.smooth(other, _cells(7)), 0.25)
    assert np.allclose(smoother.smooth(other, _cells(7)), 0.25 + 0.25 * 0.75)


def test_what_changes_is_taken_from_the_new_frame_alone() -> None:
    smoother = Smoother(0.25, 12)
    one, other = np.zeros((2, 8, 16), np.float32), np.ones((2, 8, 16), np.float32)
    smoother.smooth(one, _cells(0))
    moved = _cells(0)
    moved[:, 8:] = 12
    moved[:, 4:8, 1] = 6
    mixed = smoother.smooth(other, moved)
    assert np.allclose(mixed[:, :, 8:], 1)
    assert np.allclose(mixed[:, :, 4:8], 0.5)
    assert np.allclose(mixed[:, :, :4], 0.25)


def test_scores_beside_the_photo_are_the_new_ones() -> None:
    smoother = Smoother(0.25, 12)
    smoother.smooth(np.zeros((2, 10, 20), np.float32), _cells(0))
    mixed = smoother.smooth(np.ones((2, 10, 20), np.float32), _cells(0))
    assert np.allclose(mixed[:, 8:], 1)
    assert np.allclose(mixed[:, :, 16:], 1)


def test_cells_are_means_of_the_picture() -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 32:] = 200
    cells = cells_of(picture, CONTRACT)
    assert cells.shape == (8, 16, 3)
    assert (cells[0, 0].tolist(), cells[0, -1].tolist()) == ([0, 0, 0], [200, 200, 200])
