"""Polygons and run lengths against what is plain to see, and there and back again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from back.runtime.masks.rle import compressed, to_rle
from modelisation.data.base import DatasetError
from modelisation.data.formats.shapes import decompressed, fill, from_label_studio, from_rle
from tests.modelisation.data.formats.made import rle_pack

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1)).map(
    lambda v: np.random.default_rng(v[2]).random((v[0], v[1])) < 0.4
)


@given(MASKS)
def test_run_lengths_come_back_in_both_forms(mask):
    counts = to_rle(mask)
    np.testing.assert_array_equal(from_rle(counts, *mask.shape), mask)
    assert decompressed(compressed(counts)) == counts
    np.testing.assert_array_equal(from_rle(compressed(counts), *mask.shape), mask)


@given(st.lists(st.integers(0, 100_000), max_size=20))
def test_the_compressed_form_holds_any_counts(counts):
    assert decompressed(compressed(counts)) == counts


def test_the_compressed_form_is_cocos():
    # From cocoapi: a 3x3 mask with only the middle pixel, counts [4, 1, 4].
    assert compressed([4, 1, 4]) == "414"
    # Counts from the third on are differences to the one two before: 20, 30, 25, 28 -> 20, 30, 25, -2.
    assert compressed([20, 30, 25, 28]) == "d0n0i0N"


@settings(max_examples=20, deadline=None)
@given(MASKS)
def test_label_studios_brush_comes_back(mask):
    np.testing.assert_array_equal(from_label_studio(rle_pack(mask), *mask.shape), mask)


def test_a_brush_that_is_cut_off_is_said():
    packed = rle_pack(np.ones((4, 4), bool))
    with pytest.raises(DatasetError, match=r"a\.json: the brush's RLE is cut off"):
        from_label_studio(packed[:9], 4, 4, "a.json")
    with pytest.raises(DatasetError, match="does not fit a picture of 5x4"):
        from_label_studio(packed, 4, 5)


def test_a_rectangle_holds_the_pixels_whose_centres_lie_in_it():
    mask = fill([[[1, 1], [4, 1], [4, 3], [1, 3]]], 5, 6)
    assert mask.sum() == 6
    assert mask[1:3, 1:4].all()


def test_a_ring_in_a_ring_is_a_hole_and_what_lies_outside_is_cut_off():
    outer, inner = [[-5, -5], [20, -5], [20, 20], [-5, 20]], [[2, 2], [4, 2], [4, 4], [2, 4]]
    mask = fill([outer, inner], 6, 6)
    assert mask.sum() == 32
    assert not mask[2:4, 2:4].any()


def test_a_line_holds_nothing():
    assert not fill([[[0, 0], [5, 5]]], 6, 6).any()
