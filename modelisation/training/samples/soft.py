"""A picture with the probabilities that a teacher gives its pixels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
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
