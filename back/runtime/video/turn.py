"""How a frame is turned upright, from the display matrix of phones (`tkhd` in MP4, projection in Matroska)."""

import struct
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av

# The linear part (a, b, c, d) of the matrix, each entry brought to -1, 0 or 1: a point (x, y) of the stored frame is
# shown at (a x + c y, b x + d y). To each the quarter turns to the left, after a flip from left to right or none.
_TURNS = {
    (1, 0, 0, 1): (0, False),
    (0, 1, -1, 0): (3, False),
    (-1, 0, 0, -1): (2, False),
    (0, -1, 1, 0): (1, False),
    (-1, 0, 0, 1): (0, True),
    (0, -1, -1, 0): (3, True),
    (1, 0, 0, -1): (2, True),
    (0, 1, 1, 0): (1, True),
}
Turn = tuple[int, bool]
UPRIGHT: Turn = (0, False)


def turn_of(frame: "av.VideoFrame") -> Turn:
    """Quarter turns to the left, and whether the frame is flipped from left to right before; (0, False) for most."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return UPRIGHT if data is None else turn_of_matrix(bytes(cast(Any, data)))


def turn_of_matrix(matrix: bytes) -> Turn:
    """The turn that a display matrix means: nine int32 in the machine's order, as FFmpeg hands them out.

    One that is no multiple of a quarter turn counts as the nearest, one that means nothing as upright.
    """
    if len(matrix) < 36:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    largest = max(abs(a), abs(b), abs(c), abs(d))
    if largest == 0:
        return UPRIGHT
    # Of each row the larger entry decides, so that a degree more or less than a quarter turn means that turn.
    diagonal = abs(a) + abs(d) >= abs(b) + abs(c)
    signs = (_sign(a), 0, 0, _sign(d)) if diagonal else (0, _sign(b), _sign(c), 0)
    return _TURNS.get(signs, UPRIGHT)


def turned(array: npt.NDArray[np.uint8], turn: Turn) -> npt.NDArray[np.uint8]:
    """A view of a picture or plane [height, width, ...], turned."""
    quarters, flipped = turn
    return np.rot90(array[:, ::-1] if flipped else array, quarters)


def swaps_sides(turn: Turn) -> bool:
    return turn[0] % 2 == 1


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
