"""Fog, snow, frost and low light: the formulas, the same for the same seed, worse with severity."""

import numpy as np
import pytest

from modelisation.evaluation.weather import CORRUPTIONS, fog, low_light, plasma, snow
from modelisation.scenes.render import render_scene


@pytest.fixture(scope="module")
def photo():
    return render_scene(3, 96, 160).image


def slow_plasma(side, decay, rng):
    """Diamond-square point by point: the square's centre from its corners, then the points between them."""
    values = np.zeros((side, side))
    step, wibble = side, 100.0
    while step >= 2:
        half, cells = step // 2, side // step
        noise = [wibble * rng.uniform(-wibble, wibble, (cells, cells)) for _ in range(3)]

        def at(y, x):
            return values[y % side, x % side]

        grid = [(i, j) for i in range(cells) for j in range(cells)]
        for i, j in grid:
            y, x = i * step, j * step
            values[y + half, x + half] = (at(y, x) + at(y + step, x) + at(y, x + step) + at(y + step, x + step)) / 4
            values[y + half, x + half] += noise[0][i, j]
        for n, (dy, dx) in enumerate([(0, half), (half, 0)], start=1):
            for i, j in grid:
                y, x = i * step + dy, j * step + dx
                around = at(y - half, x) + at(y + half, x) + at(y, x - half) + at(y, x + half)
                values[y, x] = around / 4 + noise[n][i, j]
        step, wibble = half, wibble / decay
    values -= values.min()
    return values / values.max()


def test_plasma_is_the_diamond_square_method():
    np.testing.assert_allclose(
        plasma(16, 1.7, np.random.default_rng(5)), slow_plasma(16, 1.7, np.random.default_rng(5)), atol=1e-4
    )


def test_fog_is_a_layer_scaled_back_to_the_photos_brightest_value(photo):
    strength, decay = 2.5, 1.7
    x = photo / 255
    layer = plasma(160, decay, np.random.default_rng(1))[:96, :160, None]
    expected = (x + strength * layer) * x.max() / (x.max() + strength)
    assert np.abs(fog(photo, 3, np.random.default_rng(1)) - expected * 255).max() <= 1


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_it_is_the_same_for_the_same_seed_and_worse_with_severity(photo, name):
    corrupt = CORRUPTIONS[name]
    before = photo.copy()
    worst = [np.abs(corrupt(photo, s, np.random.default_rng(2)).astype(int) - photo).mean() for s in range(1, 6)]
    assert (photo == before).all(), "the photo itself stays"
    assert worst[4] > worst[0] > 2
    again = corrupt(photo, 3, np.random.default_rng(2))
    assert again.dtype == np.uint8
    assert again.shape == photo.shape
    assert (again == corrupt(photo, 3, np.random.default_rng(2))).all()
    assert (again != corrupt(photo, 3, np.random.default_rng(3))).any()


def test_low_light_keeps_a_share_of_the_light():
    white = np.full((200, 200, 3), 255, np.uint8)
    dark = low_light(white, 3, np.random.default_rng(0)) / 255
    assert (dark**2.2).mean() == pytest.approx(0.25, rel=0.05)


def test_snow_falls_as_streaks_of_the_same_colour_in_all_channels():
    black = np.zeros((128, 128, 3), np.uint8)
    flakes = snow(black, 3, np.random.default_rng(4)).astype(int)
    assert (flakes.max(-1) == flakes.min(-1)).all()
    assert 0.01 < (flakes > flakes.min() + 20).mean() < 0.9
