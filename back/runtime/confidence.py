"""How sure a network is of the class it gives each pixel: the calibrated softmax of the winner, at the photo's size.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: the scores are divided by one
temperature that was fitted on labelled photos. It changes no label.

All classes' scores are interpolated at every pixel, so unlike the labels this costs the area. The power of two in the
softmax is a polynomial for the fraction and bits of the float for the whole part, which the compiler can do for many
pixels at once.
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
            scores_CHW, rows, columns, y_low, y_fraction, x_low, x_high, x_fraction, scale, first, last, confidence_HW
        )  # fmt: skip

    in_strips(strip, out_height, out_height * out_width * len(scores_CHW))
    return confidence_HW


# 2**f for f in 0..1 by a polynomial that is off by less than 2e-7 of the value (least squares on Chebyshev's points).
_FIT = np.polynomial.Chebyshev.interpolate(np.exp2, 5, domain=[0, 1]).convert(kind=np.polynomial.Polynomial)
_C0, _C1, _C2, _C3, _C4, _C5 = (np.float32(c) for c in _FIT.coef)


@njit(
    void(
        Array(float32, 3, "C", readonly=True), int64, int64, int32[::1], float32[::1], int32[::1], int32[::1],
        float32[::1], float32, int64, int64, uint16[:, ::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def _fill_rows(  # type: ignore[no-untyped-def]
    scores, rows, columns, y_low, y_fraction, x_low, x_high, x_fraction, scale, first, last, out
):  # fmt: skip
    """Write the output rows first..last-1."""
    classes, width = scores.shape[0], x_low.size
    line = np.empty(columns, np.float32)
    wide = np.empty((classes, width), np.float32)
    best = np.empty(width, np.float32)
    total = np.empty(width, np.float32)
    whole = np.empty(width, np.int32)  # the exponent of two in the bits of a float32
    power = whole.view(np.float32)
    for y in range(first, last):
        y0 = y_low[y]
        y1 = min(y0 + 1, rows - 1)
        down = y_fraction[y]
        for k in range(classes):
            for x in range(columns):
                line[x] = (scores[k, y0, x] * (float32(1) - down) + scores[k, y1, x] * down) * scale
            row = wide[k]
            for x in range(width):
                right = x_fraction[x]
                row[x] = line[x_low[x]] * (float32(1) - right) + line[x_high[x]] * right
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
