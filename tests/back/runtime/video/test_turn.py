"""Display matrices, as cameras write them and as damaged files hold them."""

import struct

import numpy as np
import pytest

from back.runtime.video.turn import UPRIGHT, turn_of_matrix, turned

PICTURE = np.arange(6, dtype=np.uint8).reshape(2, 3)
ONE = 1 << 16


def _matrix(a: int, b: int, c: int, d: int) -> bytes:
    return struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize("entries", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0),
                                     (-1, 0, 0, 1), (0, -1, -1, 0), (1, 0, 0, -1), (0, 1, 1, 0)])  # fmt: skip
def test_each_pixel_goes_where_the_matrix_sends_it(entries: tuple[int, int, int, int]) -> None:
    a, b, c, d = entries
    places = {(a * x + c * y, b * x + d * y): PICTURE[y, x] for y in range(2) for x in range(3)}
    left, top = min(x for x, _ in places), min(y for _, y in places)
    wanted = {(x - left, y - top): value for (x, y), value in places.items()}
    shown = turned(PICTURE, turn_of_matrix(_matrix(*(ONE * entry for entry in entries))))
    assert {(x, y): shown[y, x] for y in range(shown.shape[0]) for x in range(shown.shape[1])} == wanted


def test_a_degree_off_is_the_nearest_quarter_and_nonsense_is_upright() -> None:
    assert turn_of_matrix(_matrix(-65526, 1144, -1144, -65526)) == turn_of_matrix(_matrix(-ONE, 0, 0, -ONE))
    for nonsense in (b"", bytes(36), _matrix(ONE, 0, 0, 0), b"\xff" * 20):
        assert turn_of_matrix(nonsense) == UPRIGHT
