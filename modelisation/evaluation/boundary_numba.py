"""The loops of `boundary.py`, compiled by numba: the smallest and the largest label around each pixel, and counting.

The smallest label of a window comes from windows of half its size, these from such of a quarter, and so on: for bands
11 pixels wide, as at 2048x1024, five comparisons along each axis in place of 22, each of as many pixels at once as a
register of the processor holds. It is done in strips of rows that stay in the processor's cache.
"""

import numpy as np
from numba import int64, njit, uint8, void
from numba.core.types import Array

_STRIP = 64  # rows
_NOWHERE = 255  # larger than every label, so that it is never the smallest one


@njit(inline="always")
def _smaller(one, two, out):  # type: ignore[no-untyped-def]
    """The smaller of each pair. `out` is neither of the two: then the compiler does many at once."""
    for x in range(out.size):
        out[x] = min(one[x], two[x])


@njit(inline="always")
def _smallest_ahead(line, other, size, length):  # type: ignore[no-untyped-def]
    """The smallest of `size` neighbours from each of the first `length` places on; both lines are written over."""
    reach, filled = 1, length + size - 1
    while 2 * reach <= size:
        filled -= reach
        _smaller(line[:filled], line[reach : reach + filled], other[:filled])
        reach *= 2
        line, other = other, line
    rest = size - reach
    _smaller(line[:length], line[rest : rest + length], other[:length])
    return other


@njit(inline="always")
def _smallest_below(rows, other, size, count):  # type: ignore[no-untyped-def]
    """As `_smallest_ahead`, of whole rows: the smallest of `size` rows from each of the first `count` ones on."""
    reach, filled = 1, count + size - 1
    while 2 * reach <= size:
        filled -= reach
        for i in range(filled):
            _smaller(rows[i], rows[i + reach], other[i])
        reach *= 2
        rows, other = other, rows
    rest = size - reach
    for i in range(count):
        _smaller(rows[i], rows[i + rest], other[i])
    return other


@njit(inline="always")
def _smallest_around(labels, truth, ignore, flip, first, count, distance, lines, strips):  # type: ignore[no-untyped-def]
    """The smallest label around each pixel of `count` rows; with `flip` 255 it is 255 less the largest one."""
    height, width = labels.shape
    size = 2 * distance + 1
    for i in range(count + 2 * distance):
        y, row = first + i - distance, strips[0, i]
        if y < 0 or y >= height:
            row[:] = _NOWHERE
            continue
        lines[0, :distance] = _NOWHERE
        lines[0, distance + width :] = _NOWHERE
        inside, found, kept = lines[0, distance : distance + width], labels[y], truth[y]
        for x in range(width):
            inside[x] = uint8(_NOWHERE) if kept[x] == ignore else found[x] ^ flip
        row[:] = _smallest_ahead(lines[0], lines[1], size, width)[:width]
    return _smallest_below(strips[0], strips[1], size, count)


@njit(inline="always")
def _mark_band(labels, truth, ignore, bit, first, count, distance, lines, strips, bands):  # type: ignore[no-untyped-def]
    """Set `bit` in `bands` where another label is near."""
    lowest = _smallest_around(labels, truth, ignore, uint8(0), first, count, distance, lines, strips[0])
    highest = _smallest_around(labels, truth, ignore, uint8(255), first, count, distance, lines, strips[1])
    for i in range(count):
        low, high, kept, band = lowest[i], highest[i], truth[first + i], bands[i]
        for x in range(kept.size):
            near = uint8(low[x] != high[x] ^ uint8(255)) & uint8(kept[x] != ignore)
            band[x] |= near << bit


_MAP = Array(uint8, 2, "C", readonly=True)


@njit(void(_MAP, _MAP, uint8, int64, int64[:, ::1]), cache=True, nogil=True)
def count_bands(truth, prediction, ignore, distance, counts):  # type: ignore[no-untyped-def]
    """Add to `counts`, int64 [3, 256], the pixels of each label: in truth's band, in prediction's, alike in both."""
    height, width = truth.shape
    lines = np.empty((2, width + 2 * distance), np.uint8)
    strips = np.empty((2, 2, _STRIP + 2 * distance, width), np.uint8)
    bands = np.empty((_STRIP, width), np.uint8)
    for first in range(0, height, _STRIP):
        count = min(_STRIP, height - first)
        bands[:] = 0
        _mark_band(truth, truth, ignore, uint8(0), first, count, distance, lines, strips, bands)
        _mark_band(prediction, truth, ignore, uint8(1), first, count, distance, lines, strips, bands)
        for i in range(count):
            true, predicted, band = truth[first + i], prediction[first + i], bands[i]
            for x in range(width):
                near = band[x]
                if not near:
                    continue
                if near & uint8(1):
                    counts[0, true[x]] += 1
                if near & uint8(2):
                    counts[1, predicted[x]] += 1
                if near == uint8(3) and true[x] == predicted[x]:
                    counts[2, true[x]] += 1
