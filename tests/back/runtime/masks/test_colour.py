import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from back.runtime.masks.colour import overlay, palette_of
from back.runtime.taxonomy import STREET8

PALETTE = palette_of(STREET8)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), opacity=st.floats(0, 1), height=st.integers(1, 9), width=st.integers(1, 9))
def test_overlay_is_the_weighted_mean_to_rounding(seed, opacity, height, width):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    labels = rng.integers(0, 8, (height, width), dtype=np.uint8)
    expected = image * (1 - opacity) + PALETTE[labels] * opacity
    assert np.abs(overlay(image, labels, PALETTE, opacity) - expected).max() <= 1.0


def test_opacity_0_is_the_photo_and_1_the_colours():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4) % 8
    np.testing.assert_array_equal(overlay(image, labels, PALETTE, 0.0), image)
    np.testing.assert_array_equal(overlay(image, labels, PALETTE, 1.0), PALETTE[labels])


def test_ids_without_a_colour_leave_the_photo():
    image = np.full((2, 2, 3), 77, np.uint8)
    labels = np.array([[255, 8], [255, 200]], np.uint8)
    np.testing.assert_array_equal(overlay(image, labels, PALETTE, 0.9), image)


def test_shapes_that_differ_and_odd_opacities_are_errors():
    image, labels = np.zeros((2, 3, 3), np.uint8), np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="do not match"):
        overlay(image, labels, PALETTE)
    with pytest.raises(ValueError, match="not between"):
        overlay(image[:, :2], labels, PALETTE, 1.5)
