"""Rows of boards: the camera that a label tells of, the perspective of a row, and how a strip is seen in it."""

import numpy as np
import pytest

from modelisation.training.samples.board_places import Street, draw_places, find_street, stand

HEIGHT, WIDTH, HORIZON, VANISHING = 120, 160, 50.0, 70.0
STREET = Street((HEIGHT, WIDTH), HORIZON, VANISHING, (-2.0, 2.0))
CAMERA, FOCAL = 1.5, 140.0
GROUND, BUILT = (np.isin(np.arange(256), ids) for ids in ([0], [2]))


def project(x: float, y: float, z: float) -> tuple[float, float]:
    """Column and row of a point, metres to the right, above the ground and ahead of a level camera."""
    return VANISHING + FOCAL * x / z, HORIZON + FOCAL * (CAMERA - y) / z


def test_the_horizon_and_the_sides_of_a_street_are_found_in_its_label():
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    label = np.full((HEIGHT, WIDTH), 2, np.uint8)
    left, right = (x - VANISHING) > -1.5 * (y - HORIZON), (x - VANISHING) < 0.8 * (y - HORIZON)
    label[left & right] = 0
    found = find_street(label, GROUND, BUILT)
    assert found.horizon == pytest.approx(HORIZON, abs=3)
    assert found.vanishing == pytest.approx(VANISHING, abs=3)
    assert found.sides == pytest.approx((-1.5, 0.8), rel=0.12)


def test_a_label_that_shows_no_street_is_none():
    label = np.full((HEIGHT, WIDTH), 2, np.uint8)
    assert find_street(label, GROUND, BUILT) is None
    label[100:] = 0  # a wall straight ahead, near
    assert find_street(label, GROUND, BUILT) is None


@pytest.mark.parametrize(("a", "b"), [((-3, 5), (-3, 30)), ((2, 20), (2.5, 6)), ((-4, 9), (4, 12))])
def test_the_edges_of_a_row_are_those_of_its_corners_in_space(a, b):
    place = stand(STREET, a, b, 2.2, CAMERA, FOCAL)
    for edge, y in ((place.foot, 0.0), (place.top, 2.2)):
        (x0, row0), (x1, row1) = sorted((project(a[0], y, a[1]), project(b[0], y, b[1])))
        columns = np.flatnonzero(np.isfinite(edge))
        assert abs(columns[0] - max(x0, 0)) <= 1.5
        assert abs(columns[-1] + 1 - min(x1, WIDTH)) <= 1.5
        line = row0 + (columns + 0.5 - x0) / (x1 - x0) * (row1 - row0)
        assert np.abs(edge[columns] - line).max() < 0.15
    assert place.foot_at(-40) == pytest.approx(_line_at(a, b, -40), abs=1.5)


def _line_at(a: tuple[float, float], b: tuple[float, float], column: float) -> float:
    (x0, row0), (x1, row1) = project(a[0], 0, a[1]), project(b[0], 0, b[1])
    return row0 + (column - x0) / (x1 - x0) * (row1 - row0)


def test_a_strip_is_seen_through_the_homography_of_its_corners():
    a, b, high = (-3.0, 6.0), (-2.6, 14.0), 2.2
    place = stand(STREET, a, b, high, CAMERA, FOCAL)
    rng = np.random.default_rng(0)
    strip = np.kron(rng.random((3, 8, 4)), np.ones((12, 12, 1))).astype(np.float32)
    strip[..., 3] = strip[..., 3] > 0.3
    colours, opaque = place.project(strip, HEIGHT)
    # The same by a homography from the corners, with 8 x 8 rays a pixel.
    corners = [project(*a[:1], high, a[1]), project(b[0], high, b[1]), project(b[0], 0, b[1]), project(a[0], 0, a[1])]
    flat = [(0, 0), (strip.shape[1], 0), (strip.shape[1], strip.shape[0]), (0, strip.shape[0])]
    rows = []
    for (x, y), (u, v) in zip(corners, flat, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    to_strip = np.linalg.svd(np.array(rows, float))[2][-1].reshape(3, 3)
    y, x = np.mgrid[: HEIGHT * 8, : WIDTH * 8] / 8 + 1 / 16
    u, v, w = np.einsum("ij,jyx->iyx", to_strip, np.stack([x, y, np.ones_like(x)]))
    u, v = np.floor(u / w).astype(int), np.floor(v / w).astype(int)
    inside = (u >= 0) & (u < strip.shape[1]) & (v >= 0) & (v < strip.shape[0])
    rays = np.zeros((*x.shape, 4))
    solid = np.concatenate([strip[..., :3] * strip[..., 3:], strip[..., 3:]], -1)
    rays[inside] = solid[v[inside], u[inside]]
    expected = rays.reshape(HEIGHT, 8, WIDTH, 8, 4).mean((1, 3))
    # Not in the outermost columns, where a row covers a part of a column and is given all or nothing of it.
    columns = np.flatnonzero(np.isfinite(place.foot))[1:-1]
    difference = np.abs(np.concatenate([colours, opaque[..., None]], -1) - expected)[:, columns]
    assert difference.mean() < 0.004
    assert np.percentile(difference, 99.9) < 0.15
    assert not opaque[:, ~np.isfinite(place.foot)].any()


def test_the_mask_is_what_an_opaque_strip_fills():
    place = stand(STREET, (-3.0, 6.0), (-2.6, 14.0), 2.2, CAMERA, FOCAL)
    _, opaque = place.project(np.ones((20, 90, 4), np.float32), HEIGHT)
    assert np.array_equal(place.mask(HEIGHT), opaque > 0.5)
    rows, columns = place.box(HEIGHT)
    assert opaque[rows, columns].sum() == opaque.sum()


def test_letters_are_read_from_left_to_right_from_both_ends():
    for a, b in (((-3.0, 6.0), (-3.0, 14.0)), ((3.0, 14.0), (3.0, 6.0))):
        for ends in ((a, b), (b, a)):
            along = stand(STREET, *ends, 2.0, CAMERA, FOCAL).along
            along = along[np.isfinite(along)]
            assert (np.diff(along) > 0).all()


def test_what_lies_behind_the_camera_is_not_seen():
    assert stand(STREET, (-3.0, -9.0), (-3.0, -2.0), 2.0, CAMERA, FOCAL) is None
    assert stand(STREET, (60.0, 5.0), (70.0, 5.0), 2.0, CAMERA, FOCAL) is None


def test_rows_are_drawn_on_the_side_that_is_asked_for_and_mostly_larger_when_near():
    taller = 0
    for seed in range(60):
        for place in draw_places(STREET, -2.0, 2.2, np.random.default_rng(seed))[:1]:
            columns = np.flatnonzero(np.isfinite(place.foot))
            assert columns[0] < VANISHING
            height = (place.foot - place.top)[columns]
            taller += height[0] > height[-1]
    assert taller > 30
