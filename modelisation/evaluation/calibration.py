"""Expected calibration error of the pixels: does a confidence of 0.8 mean that 8 in 10 are right?

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: equal-width bins of the
confidence (the softmax of the winning class), and the mean gap between confidence and accuracy weighted by the bins'
pixels. Streaming: only sums per bin and class are kept.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.scores.confusion import Labels
from back.runtime.taxonomy import Taxonomy

BINS = 15

Floats = npt.NDArray[np.float32]


@dataclass
class CalibrationError:
    """Streams confidences of predicted classes and gives the expected calibration error, overall and per class."""

    num_classes: int
    bins: int = BINS
    # [class, bin]: pixels, sum of confidences, correct pixels; the class is the predicted one.
    sums: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros((3, self.num_classes, self.bins))

    def add(self, truth: Labels, prediction: Labels, confidence: Floats, ignore_index: int = 255) -> None:
        """Count pixels: three arrays of one shape; confidence in 0..1 of the predicted class."""
        counts = truth != ignore_index
        t, p, c = truth[counts], prediction[counts], confidence[counts]
        # Bins are open below and closed above, as in the paper; a confidence of 0 falls into the first.
        which = np.clip(np.ceil(c * np.float32(self.bins)).astype(np.int64) - 1, 0, self.bins - 1)
        code = p.astype(np.int64) * self.bins + which
        size = self.num_classes * self.bins
        for row, weights in enumerate((None, c, t == p)):
            self.sums[row] += np.bincount(code, weights, minlength=size).reshape(self.num_classes, self.bins)

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


def _error(sums: npt.NDArray[np.float64]) -> float | None:
    pixels, confidence, correct = sums
    return float(np.abs(confidence - correct).sum() / pixels.sum()) if pixels.sum() else None
