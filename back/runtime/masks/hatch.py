"""Fine light lines over classes whose colour, laid over a photo, looks like a shadow of it: shadows have no lines.

Over a photo, dark grey is what shadows look like: such a class is hatched there, each in its own direction. The
dashboard draws the same lines in the browser by the same rule, which a test holds against this one.
"""

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]

_DARK, _GREY = 96, 24  # a colour this close to black and to no hue is told from a shadow by nothing
_OPACITY = 0.38  # of the lines, which are white
_RISING, _FALLING = 1, 2
_HATCHES = (_RISING, _FALLING, _RISING | _FALLING)  # with more dark greys they come again
# Lines to a picture's longer side, so that they are seen in a small copy of it, too, and pixels of the finest step.
_LINES, _FINEST = 96, 6
_THICKNESS = 1 / 7  # of a line, in steps


def hatches_of(palette: UInt8Array) -> UInt8Array:
    """The lines of each class id: uint8 [256], 1 rising, 2 falling, 3 both, 0 none; palette: uint8 [classes, 3]."""
    table = np.zeros(256, np.uint8)
    high, low = palette.max(1, initial=0), palette.min(1, initial=255)
    dark = np.flatnonzero((high <= _DARK) & (high.astype(int) - low <= _GREY))
    for place, class_id in enumerate(dark):
        table[class_id] = _HATCHES[place % len(_HATCHES)]
    return table


def lines_over(height: int, width: int) -> UInt8Array:
    """The lines of a picture of this size: uint8 [step, step] of bits as in `hatches_of`, repeated all over it."""
    step = max(_FINEST, round(max(height, width) / _LINES))
    thick = max(1, round(step * _THICKNESS))
    y, x = np.mgrid[:step, :step]
    rising, falling = (x + y) % step < thick, (x - y) % step < thick
    return (_RISING * rising + _FALLING * falling).astype(np.uint8)


def strength_at(opacity: float) -> float:
    """How strong the lines are, 0..1: they fade where the photo alone is seen, and where the colours alone are."""
    return _OPACITY * min(1.0, 4 * opacity, 4 * (1 - opacity))


def with_lines(
    added: npt.NDArray[np.uint32], kept: npt.NDArray[np.uint32], opacity: float, white: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """What is added to a pixel and what is kept of it, in 256ths: off the lines, and on them.

    Args:
        added: uint32 [256, ...] of a class's colour, times its weight.
        kept: uint32 [256], the photo's weight.
        white: the lines' brightness.

    Returns:
        Both with a first dimension of two.
    """
    strength = strength_at(opacity)
    on_added = np.rint(added * (1 - strength) + 256 * white * strength).astype(np.uint32)
    on_kept = np.rint(kept * (1 - strength)).astype(np.uint32)
    return np.stack((added, on_added)), np.stack((kept, on_kept))
