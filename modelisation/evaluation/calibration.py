"""Expected calibration error of the pixels: does a confidence of 0.8 mean that 8 in 10 are right?

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: equal-width bins of the
confidence (the softmax of the winning class), and the mean gap between confidence and accuracy weighted by the bins'
pixels. Streaming: only sums per bin and class are kept.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import float32, float64, int64, njit, uint8, void
from numba.core.types import Array

from back.runtime.scores.confusion import Labels
from back.runtime.taxonomy import Taxonomy

BINS = 15

Floats = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]


@dataclass
class CalibrationError:
    """Streams confidences of predicted classes and gives the expected calibration error, overall and per class."""

    num_classes: int
    bins: int = BINS
    # [class, bin]: pixels, sum of confidences, correct pixels; the class is the predicted one.
    sums: Sums = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros((3, self.num_classes, self.bins))

    def add(self, truth: Labels, prediction: Labels, confidence: Floats, ignore_index: int = 255) -> None:
        """Count pixels: three arrays of one shape; confidence in 0..1 of the predicted class."""
        self.count(sums_of(truth, prediction, confidence, self.num_classes, self.bins, ignore_index))

    def count(self, sums: Sums) -> None:
        """Count what `sums_of` found in one photo."""
        self.sums += sums

    @property
    def error(self) -> float | None:
        """The expected calibration error of all pixels, 0..1; None where none was counted."""
        return _error(self.sums.sum(1))

    def scores(self, taxonomy: Taxonomy) -> dict[str, Any]:
        """`ece` over all pixels, `class_ece` of the pixels predicted as each class, and the reliability diagram.

        Returns:
            Fractions 0..1, None where nothing was predicted; `reliability`: for each bin its `confidence`,
            `accuracy` (None when empty) and `pixels`.
        """
        pixels, confidence, correct = self.sums.sum(1)
        return {
            "ece": self.error,
            "class_ece": {n: _error(self.sums[:, i]) for i, n in enumerate(taxonomy.names)},
            "reliability": [
                {"pixels": int(n), "confidence": s / n if n else None, "accuracy": k / n if n else None}
                for n, s, k in zip(pixels.tolist(), confidence.tolist(), correct.tolist(), strict=True)
            ],
            "bins": self.bins,
        }


def sums_of(
    truth: Labels, prediction: Labels, confidence: Floats, num_classes: int, bins: int = BINS, ignore_index: int = 255
) -> Sums:
    """What `CalibrationError` adds up for one photo: float64 [3, num_classes, bins], see there.

    Worth (2-core AMD EPYC, processor time, 2048x1024): 10 ms in place of 34 by NumPy's bincount.

    Args:
        truth: uint8 of any shape.
        prediction: uint8 of the same shape, values 0..num_classes-1 wherever the truth is not ignored.
        confidence: float32 of the same shape, 0..1, of the predicted class.

    Raises:
        ValueError: the shapes differ, or a prediction is outside the classes.
    """
    if not truth.shape == prediction.shape == confidence.shape:
        raise ValueError(
            f"truth {truth.shape}, prediction {prediction.shape} and confidence {confidence.shape} differ"
        )
    t, p, c = (np.ascontiguousarray(one).reshape(-1) for one in (truth, prediction, confidence))
    sums = np.zeros((256, bins, 3))
    _count(t, p, c, np.int64(ignore_index), np.float32(bins), sums)
    if sums[num_classes:].any():
        raise ValueError(f"prediction holds values outside the classes 0..{num_classes - 1}")
    return np.ascontiguousarray(sums[:num_classes].transpose(2, 0, 1))


_BYTES = Array(uint8, 1, "C", readonly=True)


@njit(
    void(_BYTES, _BYTES, Array(float32, 1, "C", readonly=True), int64, float32, float64[:, :, ::1]),
    cache=True,
    nogil=True,
)
def _count(truth, prediction, confidence, ignore, bins, sums):  # type: ignore[no-untyped-def]
    """Add up pixels, confidences and right pixels of each class and bin, by runs of pixels that are alike.

    A float64 holds the sum of some ten million float32 of 1/16 and more exactly, in whatever order they come.
    """
    last_bin = int64(bins) - 1
    predicted, which = int64(0), int64(0)
    pixels, confident, right = int64(0), 0.0, int64(0)
    for i in range(truth.size):
        if truth[i] == ignore:
            continue
        # Bins are open below and closed above, as in the paper; a confidence of 0 falls into the first.
        own = min(max(int64(math.ceil(confidence[i] * bins)) - 1, 0), last_bin)
        if own != which or prediction[i] != predicted:
            sums[predicted, which, 0] += pixels
            sums[predicted, which, 1] += confident
            sums[predicted, which, 2] += right
            predicted, which = int64(prediction[i]), own
            pixels, confident, right = int64(0), 0.0, int64(0)
        pixels += 1
        confident += confidence[i]
        right += truth[i] == prediction[i]
    sums[predicted, which, 0] += pixels
    sums[predicted, which, 1] += confident
    sums[predicted, which, 2] += right


def _error(sums: Sums) -> float | None:
    pixels, confidence, correct = sums
    return float(np.abs(confidence - correct).sum() / pixels.sum()) if pixels.sum() else None
