"""Looks of boards: strips of their size, open where a look says so, with posters from photos."""

from dataclasses import replace

import numpy as np
import pytest

from modelisation.training.samples.board_looks import PIXELS_A_METRE, Look, draw_look, draw_strip

PLAIN = Look(
    height=2.0, panel=2.0, colours=((200, 200, 200), (40, 60, 140)), surface="plain", prints=0.0, margin=0.1,
    seam=0.05, seam_light=0.5, post=0.0, gap=0.0, lift=0.0, band=0.0, dirt=0.0,
)  # fmt: skip


def strip_of(look: Look, seed: int = 0, picture=lambda: None) -> np.ndarray:
    return draw_strip(look, 8.0, np.random.default_rng(seed), picture)


def test_strips_of_every_look_have_their_size_and_range():
    surfaces = set()
    for seed in range(60):
        look = draw_look(np.random.default_rng(seed))
        surfaces.add(look.surface)
        strip = strip_of(look, seed)
        assert strip.shape == (round(look.height * PIXELS_A_METRE), 8 * PIXELS_A_METRE, 4)
        assert strip.dtype == np.float32
        assert strip.min() >= 0
        assert strip[..., :3].max() < 1.4
        assert set(np.unique(strip[..., 3])) <= {0.0, 1.0}
        assert strip[..., 3].mean() > 0.5
    assert surfaces == {"plain", "stripes", "planks", "metal"}


def test_panels_have_their_colours_in_turn_and_a_seam_between_them():
    strip = strip_of(PLAIN)
    middles = [strip[20:-20, round((k + 0.5) * 2 * PIXELS_A_METRE), :3].mean(0) * 255 for k in range(4)]
    assert middles[0] == pytest.approx(middles[2], abs=40)
    assert middles[0][0] > 150 > 80 > middles[1][0]
    seam = strip[20:-20, 4 * PIXELS_A_METRE, :3].mean()
    assert seam < 0.7 * strip[20:-20, 4 * PIXELS_A_METRE + 10, :3].mean()


def test_one_sees_between_panels_and_under_them_where_a_look_is_open():
    assert strip_of(PLAIN)[..., 3].all()
    gaps = strip_of(replace(PLAIN, gap=0.5))[..., 3]
    assert (gaps.max(0) == 0).sum() == 3 * 0.5 * PIXELS_A_METRE
    lifted = strip_of(replace(PLAIN, lift=0.25))[..., 3]
    assert lifted[-2].mean() < 0.3
    assert lifted[: -round(0.3 * PIXELS_A_METRE)].all()


def test_posters_show_the_pictures_that_are_given():
    green = np.zeros((30, 20, 3), np.uint8)
    green[..., 1] = 220
    shown = [strip_of(replace(PLAIN, prints=1.0), seed, lambda: green) for seed in range(6)]
    greens = [((one[..., 1] > 0.7) & (one[..., 0] < 0.05)).mean() for one in shown]
    assert max(greens) > 0.2
    plain = strip_of(PLAIN, 0, lambda: green)
    assert not ((plain[..., 1] > 0.7) & (plain[..., 0] < 0.05)).any()


def test_the_lower_edge_is_dirty():
    clean, dirty = (strip_of(replace(PLAIN, dirt=dirt))[-2, :, :3].mean() for dirt in (0.0, 0.3))
    assert dirty < 0.8 * clean
