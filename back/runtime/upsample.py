"""Scores at the network's stride to labels at the photo's size, exactly, at the cost of the class boundaries.

Under bilinear upsampling every value between four neighbouring scores is a convex combination of them. So where one
class wins at all four corners of a cell it wins everywhere inside, and the whole rectangle of output pixels is
filled at once. Only cells that straddle a boundary are interpolated, and there only the classes that no corner's
winner beats at all four corners. On street scenes that leaves a few per cent of the work of the dense way.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import float32, int32, int64, njit, uint8, uint32, void
from numba.core.types import Array

from back.runtime.errors import UserError
from back.runtime.process.threads import available_cpus, worker_pool

UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]

# Below this many output pixels a second thread costs more in waking up than it saves.
_STRIP_PIXELS = 1 << 20
# A cell of fewer output pixels is interpolated for all classes: finding those that may win would cost more.
_PRUNE_PIXELS = 12
_NOT_FINITE_BITS = 0x7F800000


class ScoresError(UserError):
    """The network's scores cannot be turned into labels: not finite, or of the wrong shape."""


def upsample_argmax(
    scores_CHW: Float32Array,
    out_height: int,
    out_width: int,
    valid_height: float,
    valid_width: float,
    out: UInt8Array | None = None,
) -> UInt8Array:
    """Class of the highest bilinearly upsampled score (align_corners=False) at every output pixel.

    Output pixel (X, Y) samples the scores at sx = (X + 0.5) * valid_width / out_width - 0.5 (likewise sy), clamped to
    [0, ceil(valid_width) - 1]: what `interpolate` and `argmax` give, without the upsampled scores. Labels equal those
    of float64 wherever its two best classes differ by more than 1e-5 of the range of the scores; equal scores go to
    the lower id.

    Args:
        scores_CHW: float32 [classes, height, width], classes <= 256.
        out_height: rows of the label map.
        out_width: columns of the label map.
        valid_height: rows of scores that belong to the photo, possibly fractional: resized height / score stride.
        valid_width: columns of scores that belong to the photo.
        out: uint8 [out_height, out_width] to write into; its rows must be contiguous but may lie apart.

    Returns:
        uint8 [out_height, out_width], `out` where given.

    Raises:
        ScoresError: a score is NaN or infinite, or the shapes do not fit.
    """
    _check(scores_CHW, out_height, out_width, valid_height, valid_width)
    scores_CHW = _in_range(np.ascontiguousarray(scores_CHW, np.float32))
    if out is None:
        out = np.empty((out_height, out_width), np.uint8)
    pixels, row_stride = _flat_view(out, out_height, out_width)
    rows, columns = math.ceil(valid_height), math.ceil(valid_width)
    y_cell, y_start, y_fraction = _axis(out_height, valid_height, rows)
    x_cell, x_start, x_fraction = _axis(out_width, valid_width, columns)

    def strip(first: int, last: int) -> None:
        _fill_strip(
            scores_CHW, rows, columns, y_cell, y_start, y_fraction, x_cell, x_start, x_fraction,
            first, last, pixels, row_stride,
        )  # fmt: skip

    strips = min(available_cpus(), out_height * out_width // _STRIP_PIXELS, len(y_cell))
    if strips < 2:
        strip(0, len(y_cell))
    else:
        edges = [len(y_cell) * i // strips for i in range(strips + 1)]
        list(worker_pool().map(strip, edges[:-1], edges[1:]))
    return out


def _check(scores_CHW: Float32Array, out_height: int, out_width: int, valid_h: float, valid_w: float) -> None:
    if scores_CHW.ndim != 3 or not 1 <= scores_CHW.shape[0] <= 256:
        raise ScoresError(f"scores of shape {scores_CHW.shape} are not [classes <= 256, height, width]")
    height, width = scores_CHW.shape[1:]
    if not (0 < valid_h <= height and 0 < valid_w <= width):
        raise ScoresError(f"valid region {valid_h} x {valid_w} does not fit scores of {height} x {width} cells")
    if out_height < 1 or out_width < 1:
        raise ScoresError(f"a label map of {out_height} x {out_width} pixels has no content")


def _in_range(scores_CHW: Float32Array) -> Float32Array:
    """Scores whose differences neither overflow nor vanish in float32; scaling by a power of two is exact."""
    peak_bits = _peak_bits(scores_CHW.reshape(-1).view(np.uint32))
    if peak_bits >= _NOT_FINITE_BITS:
        raise ScoresError("the network's scores contain NaN or infinity; its weights or its input are broken")
    peak = float(np.uint32(peak_bits).view(np.float32))
    if peak > 1e30:
        return scores_CHW * np.float32(2.0**-64)
    if 0 < peak < 1e-25:
        return scores_CHW * np.float32(2.0**64)
    return scores_CHW


def _flat_view(out: UInt8Array, height: int, width: int) -> tuple[UInt8Array, int]:
    """`out` as one contiguous line of bytes and the distance between its rows, which compiled code writes fastest."""
    if out.shape != (height, width) or out.dtype != np.uint8 or (out.strides[1] != 1 and width > 1):
        raise ScoresError(f"out must be uint8 {height} x {width} with contiguous rows, not {out.dtype} {out.shape}")
    stride = out.strides[0] if height > 1 else width
    if stride < width or not out.flags.writeable:
        raise ScoresError("out must be writeable and its rows must not overlap")
    return np.lib.stride_tricks.as_strided(out, ((height - 1) * stride + width,), (1,)), stride


def _axis(size: int, valid: float, cells: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Float32Array]:
    """Cells along one axis that have output pixels: [groups] cell, [groups + 1] first pixel, [size] fraction."""
    position = ((np.arange(size) + 0.5) * (valid / size) - 0.5).clip(0, cells - 1)
    low = position.astype(np.int32)
    start = np.concatenate(([0], np.flatnonzero(np.diff(low)) + 1, [size])).astype(np.int32)
    return low[start[:-1]], start, (position - low).astype(np.float32)


@njit(uint32(Array(uint32, 1, "C", readonly=True)), cache=True, nogil=True)
def _peak_bits(bits):  # type: ignore[no-untyped-def]
    """Largest |score| as its float32 bits, which order like the numbers; NaN and infinity come out on top."""
    peak = uint32(0)
    for i in range(bits.size):
        peak = max(peak, bits[i] & uint32(0x7FFFFFFF))
    return peak


@njit(void(Array(float32, 3, "C", readonly=True), int64, int64, float32[::1], int32[::1]), cache=True, nogil=True)
def _argmax_row(scores, y, columns, best, winner):  # type: ignore[no-untyped-def]
    for x in range(columns):
        best[x] = scores[0, y, x]
        winner[x] = 0
    for k in range(1, scores.shape[0]):
        for x in range(columns):
            score = scores[k, y, x]
            better = score > best[x]
            best[x] = score if better else best[x]
            winner[x] = int32(k) if better else winner[x]


@njit(
    int64(Array(float32, 3, "C", readonly=True), int64, int64, int64, int64, int32[::1], int32[::1]),
    cache=True,
    nogil=True,
)
def _candidates(scores, y0, y1, x0, x1, corner, found):  # type: ignore[no-untyped-def]
    """Classes, in rising order, that no corner's winner beats at all four corners; returns how many."""
    n = 0
    for k in range(scores.shape[0]):
        a, b, c, d = scores[k, y0, x0], scores[k, y0, x1], scores[k, y1, x0], scores[k, y1, x1]
        keep = True
        for i in range(4):
            j = corner[i]
            if j == k:
                keep = True
                break
            e, f, g, h = scores[j, y0, x0], scores[j, y0, x1], scores[j, y1, x0], scores[j, y1, x1]
            # Equal scores go to the lower id, so a higher id must be strictly better to push out a lower one.
            strictly = (e > a) & (f > b) & (g > c) & (h > d)
            at_least = (e >= a) & (f >= b) & (g >= c) & (h >= d)
            keep = keep and not (at_least if j < k else strictly)
        if keep:
            found[n] = k
            n += 1
    return n


_AXIS = (int32[::1], int32[::1], float32[::1])


@njit(
    void(Array(float32, 3, "C", readonly=True), int64, int64, *_AXIS, *_AXIS, int64, int64, uint8[::1], int64),
    cache=True,
    nogil=True,
)
def _fill_strip(  # type: ignore[no-untyped-def]
    scores, rows, columns, y_cell, y_start, y_fraction, x_cell, x_start, x_fraction, first, last, out, stride
):  # fmt: skip
    """Write the labels of the cell rows first..last-1 into `out`, whose rows are `stride` bytes apart."""
    classes = scores.shape[0]
    width = x_start[-1]
    groups = x_cell.size
    best = np.empty(columns, np.float32)
    top = np.empty(columns, np.int32)
    bottom = np.empty(columns, np.int32)
    bottom_row = -1
    corner = np.empty(4, np.int32)
    found = np.empty(classes, np.int32)
    # Corner values of each candidate minus those of the first one: small numbers keep their digits in float32 even
    # where all scores share a large offset, and the argmax stays what it is.
    value = np.empty((classes, 4), np.float32)
    left = np.empty(classes, np.float32)
    slope = np.empty(classes, np.float32)
    for gy in range(first, last):
        y0 = y_cell[gy]
        y1 = min(y0 + 1, rows - 1)
        if y0 == bottom_row:
            top, bottom = bottom, top
        else:
            _argmax_row(scores, y0, columns, best, top)
        _argmax_row(scores, y1, columns, best, bottom)
        bottom_row = y1
        row_begin, row_end = y_start[gy], y_start[gy + 1]

        # One row of runs, copied to the cell row's other rows; straddling cells are written over it below.
        line = row_begin * stride
        for gx in range(groups):
            label = uint8(top[x_cell[gx]])
            for x in range(line + x_start[gx], line + x_start[gx + 1]):
                out[x] = label
        for y in range(row_begin + 1, row_end):
            out[y * stride : y * stride + width] = out[line : line + width]

        for gx in range(groups):
            x0 = x_cell[gx]
            x1 = min(x0 + 1, columns - 1)
            corner[0], corner[1], corner[2], corner[3] = top[x0], top[x1], bottom[x0], bottom[x1]
            if corner[0] == corner[1] and corner[0] == corner[2] and corner[0] == corner[3]:
                continue
            column_begin, column_end = x_start[gx], x_start[gx + 1]
            if (row_end - row_begin) * (column_end - column_begin) < _PRUNE_PIXELS:
                n = classes
                for k in range(classes):
                    found[k] = k
            else:
                n = _candidates(scores, y0, y1, x0, x1, corner, found)
            base = found[0]
            for i in range(1, n):
                k = found[i]
                value[i, 0] = scores[k, y0, x0] - scores[base, y0, x0]
                value[i, 1] = scores[k, y0, x1] - scores[base, y0, x1]
                value[i, 2] = scores[k, y1, x0] - scores[base, y1, x0]
                value[i, 3] = scores[k, y1, x1] - scores[base, y1, x1]
            for y in range(row_begin, row_end):
                down = y_fraction[y]
                for i in range(1, n):
                    left[i] = value[i, 0] + down * (value[i, 2] - value[i, 0])
                    slope[i] = value[i, 1] + down * (value[i, 3] - value[i, 1]) - left[i]
                for x in range(column_begin, column_end):
                    right = x_fraction[x]
                    winner = base
                    highest = float32(0)
                    for i in range(1, n):
                        score = left[i] + right * slope[i]
                        if score > highest:
                            highest = score
                            winner = found[i]
                    out[y * stride + x] = uint8(winner)
