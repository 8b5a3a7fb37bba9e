"""Objects by their size, and parts of a picture's height."""

import numpy as np

from back.runtime.scores.regions import HEIGHTS, height_parts, size_parts


def _size_at(labels_HW: np.ndarray, y: int, x: int) -> int:
    """Pixels of one region, by walking it."""
    height, width = labels_HW.shape
    seen, waiting = {(y, x)}, [(y, x)]
    while waiting:
        row, column = waiting.pop()
        for at in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            inside = 0 <= at[0] < height and 0 <= at[1] < width
            if inside and at not in seen and labels_HW[at] == labels_HW[y, x]:
                seen.add(at)
                waiting.append(at)
    return len(seen)


def test_every_pixel_has_the_size_of_the_region_it_is_in() -> None:
    labels_HW = np.random.default_rng(0).integers(0, 3, (40, 50), dtype=np.uint8)
    labels_HW[10:30, 5:9] = 7
    labels_HW[10:12, 5:40] = 7  # a region that bends
    parts_HW = size_parts(labels_HW)
    for y, x in [(10, 39), (29, 8), *np.argwhere(labels_HW < 3)[::37].tolist()]:
        share = _size_at(labels_HW, y, x) / labels_HW.size
        assert parts_HW[y, x] == (share >= 0.001) + (share >= 0.01), (y, x)


def test_the_thirds_of_a_height_are_as_even_as_rows_allow() -> None:
    assert np.bincount(height_parts(10, 4).ravel(), minlength=len(HEIGHTS)).tolist() == [16, 12, 12]
    assert (np.diff(height_parts(10, 4)[:, 0].astype(int)) >= 0).all()
