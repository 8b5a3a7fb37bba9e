"""The plain way from scores to labels, in float64: slow and large, but easy to see right."""

import math

import numpy as np
import numpy.typing as npt


def upsample_dense(
    scores_CHW: npt.NDArray[np.floating], out_height: int, out_width: int, valid_height: float, valid_width: float
) -> npt.NDArray[np.float64]:
    """The bilinearly upsampled scores, [classes, out_height, out_width]; arguments as `upsample_argmax` has them.

    `upsample_dense(...).argmax(0)` is what `upsample_argmax` must give.
    """
    scores = scores_CHW.astype(np.float64)
    for axis, size, valid in ((1, out_height, valid_height), (2, out_width, valid_width)):
        cells = math.ceil(valid)
        position = np.clip((np.arange(size) + 0.5) * valid / size - 0.5, 0, cells - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, cells - 1)
        weight = (position - low).reshape(-1, *([1] * (2 - axis)))
        scores = scores.take(low, axis) * (1 - weight) + scores.take(high, axis) * weight
    return scores
