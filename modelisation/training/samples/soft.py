"""A picture with the probabilities that a teacher gives its pixels."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from modelisation.data.base import Sample


@dataclass(frozen=True)
class SoftSample(Sample):
    """A sample with `soft` uint8 [h, w, C]: class probabilities over the whole picture, 255 for certainty."""

    soft: npt.NDArray[np.uint8]


def soft_targets(sample: Sample, classes: int) -> Tensor:
    """A sample's soft targets, uint8 [C, h, w]; [C, 0, 0] where it has none."""
    if not isinstance(sample, SoftSample) or not classes:
        return torch.zeros((classes, 0, 0), dtype=torch.uint8)
    return torch.from_numpy(np.ascontiguousarray(sample.soft.transpose(2, 0, 1)))


def silence(sample: SoftSample, pasted_HW: npt.NDArray[np.bool_]) -> SoftSample:
    """A sample whose teacher says nothing (0) where something was pasted in, which it has not seen."""
    high, wide = sample.soft.shape[:2]
    rows = ((np.arange(high) + 0.5) / high * pasted_HW.shape[0]).astype(int)
    columns = ((np.arange(wide) + 0.5) / wide * pasted_HW.shape[1]).astype(int)
    # One cell more on every side: crops take soft targets between cells.
    silent = ndimage.binary_dilation(pasted_HW[np.ix_(rows, columns)], np.ones((3, 3)))
    soft = sample.soft.copy()
    soft[silent] = 0
    return replace(sample, soft=soft)
