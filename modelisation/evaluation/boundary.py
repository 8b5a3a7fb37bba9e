"""Boundary IoU: how well outlines fit, where mIoU is dominated by the insides of large regions.

Cheng, Girshick, Dollár, Berg, Kirillov, "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation",
CVPR 2021. Each class keeps only its pixels within a distance d of its outline (d = 0.5 % of the image diagonal, as
the authors take for Cityscapes), in truth and in prediction; the score is the IoU of these two bands. Two choices are
ours: neither the image's edge nor ignored pixels make an outline, since no class ends there.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter, minimum_filter

from back.runtime.scores.confusion import Counts, Labels, mean_of, ratios
from back.runtime.taxonomy import Taxonomy

DISTANCE_FRACTION = 0.005


def band_distance(height: int, width: int, fraction: float = DISTANCE_FRACTION) -> int:
    """Width of the band in pixels: a fraction of the diagonal, rounded, at least 1."""
    return max(1, round(fraction * float(np.hypot(height, width))))


def boundary_band(labels: Labels, distance: int, ignored: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels with another class within `distance` pixels (in either axis), bool [H, W]; ignored ones are out.

    A pixel lies in its class's band exactly where the smallest and the largest label of the square around it differ,
    so one minimum and one maximum filter serve all classes.
    """
    size = 2 * distance + 1
    lowest = minimum_filter(np.where(ignored, 255, labels), size, mode="nearest")
    highest = maximum_filter(np.where(ignored, 0, labels), size, mode="nearest")
    return np.not_equal(lowest, highest) & ~ignored


@dataclass
class BoundaryIoU:
    """Streams label maps of `num_classes` classes and gives the boundary IoU of each."""

    num_classes: int
    ignore_index: int = 255
    intersection: Counts = field(init=False)
    union: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.intersection = np.zeros(self.num_classes, np.int64)
        self.union = np.zeros(self.num_classes, np.int64)

    def add(self, truth: Labels, prediction: Labels) -> None:
        """Count one image; uint8 [H, W] both, values as for `confusion_matrix`."""
        ignored = truth == self.ignore_index
        distance = band_distance(*truth.shape)
        truth_band = boundary_band(truth, distance, ignored)
        prediction_band = boundary_band(prediction, distance, ignored)
        both = truth_band & prediction_band & (truth == prediction)
        common = self._count(truth[both])
        self.intersection += common
        self.union += self._count(truth[truth_band]) + self._count(prediction[prediction_band]) - common

    def scores(self, taxonomy: Taxonomy) -> dict[str, Any]:
        """`boundary_iou` (mean over classes with an outline), `class_boundary_iou` by name, `distance_fraction`."""
        values = ratios(self.intersection, self.union)
        return {
            "boundary_iou": mean_of(values),
            "class_boundary_iou": dict(zip(taxonomy.names, values, strict=True)),
            "distance_fraction": DISTANCE_FRACTION,
        }

    def _count(self, values: Labels) -> Counts:
        return np.bincount(values, minlength=self.num_classes).astype(np.int64)
