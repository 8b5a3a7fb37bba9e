import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from back.runtime.masks.colour import overlay, palette_of
from back.runtime.masks.hatch import hatches_of, lines_over, strength_at
from back.runtime.taxonomy import STREET8

PALETTE = palette_of(STREET8)


def drawn(labels: np.ndarray) -> np.ndarray:
    """Where a picture of these labels has light lines."""
    lines = lines_over(*labels.shape)
    y, x = np.indices(labels.shape)
    return (hatches_of(PALETTE)[labels] & lines[y % len(lines), x % len(lines)]) > 0


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), opacity=st.floats(0, 1), height=st.integers(1, 9), width=st.integers(1, 9))
def test_overlay_is_the_weighted_mean_to_rounding(seed, opacity, height, width):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    labels = rng.integers(0, 8, (height, width), dtype=np.uint8)
    expected = image * (1 - opacity) + PALETTE[labels] * opacity
    lines = drawn(labels)
    expected[lines] = expected[lines] * (1 - strength_at(opacity)) + 255 * strength_at(opacity)
    apart = np.abs(overlay(image, labels, PALETTE, opacity) - expected).max(2)
    assert (apart <= np.where(lines, 1.6, 1.0)).all(), "on a line two weights are rounded"


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


def test_building_and_background_have_lines_of_their_own_and_a_shadow_has_none():
    names = [c.name for c in STREET8.classes]
    assert {names[i]: int(bits) for i, bits in enumerate(hatches_of(PALETTE)[:8]) if bits} == {
        "building": 1,
        "background": 2,
    }
    image = np.full((48, 64, 3), 40, np.uint8)
    shown = {name: overlay(image, np.full((48, 64), i, np.uint8), PALETTE, 0.6) for i, name in enumerate(names)}
    assert all((np.unique(one.reshape(-1, 3), axis=0).shape[0] > 1) == (n in ("building", "background"))
               for n, one in shown.items())  # fmt: skip
    light = shown["building"][..., 0] > shown["building"].min()
    assert light[3:9, 0:6].sum() == 6, "one line a step"
    assert (light[1:, :-1] == light[:-1, 1:]).all(), "it rises to the right"


def test_the_lines_of_strips_meet():
    rng = np.random.default_rng(0)
    image, labels = rng.integers(0, 256, (100, 30, 3), np.uint8), np.full((100, 30), 2, np.uint8)
    strips = [
        overlay(image[top : top + 32], labels[top : top + 32], PALETTE, first_row=top, lines=lines_over(100, 30))
        for top in range(0, 100, 32)
    ]
    np.testing.assert_array_equal(np.concatenate(strips), overlay(image, labels, PALETTE))
