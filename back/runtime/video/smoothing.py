"""Scores held over time, so that a pixel whose picture hardly changes keeps its class.

An exponential mean over the frames, whose weight follows the picture: where it changes, the new frame counts alone,
so that nothing trails behind what moves.
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize

Float32Array = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]
# What `tests/benchmarks/smoothing.py` found best; see docs/performance.md.
SHARE = 0.3  # of the new frame's scores where nothing changes
CHANGED = 12.0  # grey levels of 255 by which a cell must differ to count as changed altogether


class Smoother:
    """The memory of one clip. Frames come in order.

    Args:
        share: of the new scores where the picture stands still, above 0, at most 1.
        changed: grey levels between two frames from which on the new scores count alone; infinity: never.
    """

    def __init__(self, share: float = SHARE, changed: float = CHANGED) -> None:
        self._share, self._changed = share, changed
        self._scores: Float32Array | None = None
        self._cells: UInt8Array | None = None

    def smooth(self, scores_CHW: Float32Array, cells_HW3: UInt8Array) -> Float32Array:
        """Scores [classes, height, width] mixed with those before.

        Args:
            scores_CHW: of the new frame.
            cells_HW3: the frame itself, see `cells_of`.
        """
        if self._scores is None or self._cells is None:
            self._scores = scores_CHW
        else:
            height, width = cells_HW3.shape[:2]
            change_HW = np.abs(cells_HW3.astype(np.int16) - self._cells).max(2).astype(np.float32)
            weight_HW = np.ones(scores_CHW.shape[1:], np.float32)
            weight_HW[:height, :width] = np.clip(change_HW / np.float32(self._changed), self._share, 1)
            self._scores = self._scores + weight_HW * (scores_CHW - self._scores)
        self._cells = cells_HW3
        return self._scores


def cells_of(image_HWC: UInt8Array, contract: InputContract) -> UInt8Array:
    """A frame at the size of its scores: uint8 [rows, columns, 3], each the mean of what a score covers."""
    height, width = image_HWC.shape[:2]
    plan, stride = plan_resize(height, width, contract, None), contract.score_stride
    size = math.ceil(plan.width / stride), math.ceil(plan.height / stride)
    return np.asarray(Image.fromarray(image_HWC).resize(size, Image.Resampling.BOX))
