"""People before boards: as large as they would be there, in that picture's light, and labelled where they are."""

import numpy as np
import pytest

from modelisation.data.base import Sample
from modelisation.training.samples.board_places import Street, stand
from modelisation.training.samples.passers import Passers

PEDESTRIAN, VEHICLE, ROAD = 4, 3, 0
GROUND = np.arange(256) == ROAD
HORIZON, CAMERA, BOARDS = 50.0, 1.5, 2.4
STREET = Street((120, 160), HORIZON, 80.0, (-2.0, 2.0))
PLACE = stand(STREET, (-2.2, 4.0), (-2.2, 14.0), BOARDS, CAMERA, 140.0)


def crowd(grey: int = 100) -> Sample:
    """A person of 30 x 12 pixels, a speck, and a group that is wider than it is high."""
    label = np.full((120, 160), ROAD, np.uint8)
    label[50:80, 20:32] = PEDESTRIAN
    label[10:18, 50:54] = PEDESTRIAN
    label[80:100, 100:140] = PEDESTRIAN
    image = np.full((120, 160, 3), grey, np.uint8)
    image[label == PEDESTRIAN] = 2 * grey
    return Sample(image, label, "crowd")


def put(seed: int, source: Sample, grey: int = 100) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, label, and where people were put, of an empty grey street."""
    image, label = np.full((120, 160, 3), grey, np.uint8), np.full((120, 160), ROAD, np.uint8)
    where = Passers([source], [PEDESTRIAN], GROUND)(image, label, PLACE, BOARDS, HORIZON, np.random.default_rng(seed))
    return image, label, where


def test_only_single_people_of_some_size_are_taken():
    (found,) = Passers([crowd()], [PEDESTRIAN], GROUND).found
    assert found.box == (slice(50, 80), slice(20, 32))


def test_people_are_as_large_as_someone_who_stands_there():
    heights = set()
    for seed in range(60):
        _, label, where = put(seed, crowd())
        assert np.array_equal(where, label == PEDESTRIAN)
        (rows,), (columns,) = np.nonzero(where.any(1)), np.nonzero(where.any(0))
        if not len(rows) or rows[-1] == 119 or len(columns) > 0.45 * len(rows):
            continue  # nobody, cut off below, or several side by side
        heights.add(len(rows))
        metres = len(rows) / (rows[-1] + 1 - HORIZON) * CAMERA
        assert 1.4 < metres < 2.0
        # Nobody stands behind the boards.
        assert rows[-1] + 1 >= PLACE.foot[np.isfinite(PLACE.foot)].min() - 1
    assert len(heights) > 5


def test_a_person_from_a_dark_picture_is_brought_to_the_light_of_the_other():
    shown = [image[where].mean() for seed in range(20) for image, _, where in [put(seed, crowd(60))] if where.any()]
    assert shown == pytest.approx([2 * 100 * 0.93] * len(shown), rel=0.1)
    assert len(shown) > 8


def test_nobody_is_put_over_a_car_that_stands_there():
    image, label = np.full((120, 160, 3), 100, np.uint8), np.full((120, 160), VEHICLE, np.uint8)
    passers = Passers([crowd()], [PEDESTRIAN], GROUND)
    for seed in range(20):
        where = passers(image, label, PLACE, BOARDS, HORIZON, np.random.default_rng(seed))
        assert (np.nonzero(where.any(1))[0][-1:] == 119).all(), "only whoever stands below the picture"


def test_nobody_passes_where_no_picture_shows_anyone():
    empty = Sample(crowd().image, np.zeros((120, 160), np.uint8), "empty")
    assert not any(put(seed, empty)[2].any() for seed in range(5))
