"""How sure a network is of the class it gives each pixel: the calibrated softmax of the winner, at the photo's size.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: the scores are divided by one
temperature that was fitted on labelled photos. It changes no label.

All classes' scores are interpolated at every pixel, so unlike the labels this costs the area. The power of two in the
softmax is a polynomial for the fraction and bits of the float for the whole part, which the compiler can do for many
pixels at once.

Worth of spreading the scores over the columns once for all rows of a cell, in place of looking them up for every
pixel (2-core AMD EPYC, least processor time of 7 rounds, eight classes): 17 ms in place of 29 at 2048x1024, 4.0 in
place of 7.3 at 1024x512, to the same values.
"""

import numpy as np
import numpy.typing as npt
from numba import float32, int32, int64, njit, uint16, void
from numba.core.types import Array

from back.runtime.upsample import Float32Array, check_region, finite_scores, in_strips, sample_points

UInt16Array = npt.NDArray[np.uint16]
CERTAIN = 65535  # what a probability of 1 is in a confidence map
_LOG2_E = 1.4426950408889634


def confidence_map(
    scores_CHW: Float32Array,
    out_height: int,
    out_width: int,
    valid_height: float,
    valid_width: float,
    temperature: float = 1.0,
) -> UInt16Array:
    """Softmax of the highest bilinearly upsampled score at every output pixel, the scores divided by `temperature`.

    The arguments and the sampling are those of `upsample_argmax`.

    Returns:
        uint16 [out_height, out_width]: the probability times 65535, rounded. Of scores up to
        some tens it is within 1 of what float64 gives; larger ones have no digits in float32 for that.

    Raises:
        ScoresError: a score is NaN or infinite, or the shapes do not fit.
    """
    check_region(scores_CHW, out_height, out_width, valid_height, valid_width)
    scores_CHW = finite_scores(np.ascontiguousarray(scores_CHW, np.float32))
    confidence_HW = np.empty((out_height, out_width), np.uint16)
    y_low, y_fraction, rows = sample_points(out_height, valid_height)
    x_low, x_fraction, columns = sample_points(out_width, valid_width)
    x_high = np.minimum(x_low + 1, columns - 1)
    scale = np.float32(_LOG2_E / temperature)

    def strip(first: int, last: int) -> None:
        _fill_rows(
            scores_CHW, rows, y_low, y_fraction, x_low, x_high, x_fraction, scale, first, last, confidence_HW
        )  # fmt: skip

    in_strips(strip, out_height, out_height * out_width * len(scores_CHW))
    return confidence_HW


# 2**f for f in 0..1 by a polynomial that is off by less than 2e-7 of the value (least squares on Chebyshev's points).
_FIT = np.polynomial.Chebyshev.interpolate(np.exp2, 5, domain=[0, 1]).convert(kind=np.polynomial.Polynomial)
_C0, _C1, _C2, _C3, _C4, _C5 = (np.float32(c) for c in _FIT.coef)


@njit(inline="always")
def _spread(scores, y, x_low, x_high, out):  # type: ignore[no-untyped-def]
    """Write the scores of a row at the left and the right end of each output column's cell."""
    for k in range(scores.shape[0]):
        line = scores[k, y]
        for x in range(x_low.size):
            out[0, k, x] = line[x_low[x]]
            out[1, k, x] = line[x_high[x]]


@njit(
    void(
        Array(float32, 3, "C", readonly=True), int64, int32[::1], float32[::1], int32[::1], int32[::1],
        float32[::1], float32, int64, int64, uint16[:, ::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def _fill_rows(  # type: ignore[no-untyped-def]
    scores, rows, y_low, y_fraction, x_low, x_high, x_fraction, scale, first, last, out
):  # fmt: skip
    """Write the output rows first..last-1."""
    classes, width = scores.shape[0], x_low.size
    above = np.empty((2, classes, width), np.float32)  # of the cell's upper row: its left and its right column
    below = np.empty((2, classes, width), np.float32)
    wide = np.empty((classes, width), np.float32)
    best = np.empty(width, np.float32)
    total = np.empty(width, np.float32)
    whole = np.empty(width, np.int32)  # the exponent of two in the bits of a float32
    power = whole.view(np.float32)
    spread = -1  # the row that is in `below`
    for y in range(first, last):
        y0 = y_low[y]
        y1 = min(y0 + 1, rows - 1)
        if y == first or y0 != y_low[y - 1]:
            above, below = below, above
            if spread != y0:
                _spread(scores, y0, x_low, x_high, above)
            _spread(scores, y1, x_low, x_high, below)
            spread = y1
        down = y_fraction[y]
        for k in range(classes):
            row, upper_left, upper_right = wide[k], above[0, k], above[1, k]
            lower_left, lower_right = below[0, k], below[1, k]
            for x in range(width):
                left = (upper_left[x] * (float32(1) - down) + lower_left[x] * down) * scale
                right = (upper_right[x] * (float32(1) - down) + lower_right[x] * down) * scale
                row[x] = left * (float32(1) - x_fraction[x]) + right * x_fraction[x]
            if k == 0:
                for x in range(width):
                    best[x] = row[x]
            else:
                for x in range(width):
                    best[x] = max(best[x], row[x])
        total[:] = 0
        for k in range(classes):
            row = wide[k]
            for x in range(width):
                exponent = max(row[x] - best[x], float32(-126))
                floor = int32(exponent) - (int32(1) if exponent < float32(int32(exponent)) else int32(0))
                f = exponent - float32(floor)
                row[x] = _C0 + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * _C5))))
                whole[x] = (floor + int32(127)) << int32(23)
            for x in range(width):
                total[x] += row[x] * power[x]
        for x in range(width):
            out[y, x] = uint16(float32(65535) / max(total[x], float32(1)) + float32(0.5))
