"""Each photo of a split from its files to what is counted of it, several at a time.

While the network labels two photos, each on its half of the threads, others are read and counted. The numbers are
those of one after the other, to the last digit.
"""

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from back.runtime.confidence import CERTAIN
from back.runtime.predictor import Predictor
from back.runtime.process.in_order import in_order
from back.runtime.process.threads import available_cpus
from back.runtime.scores.confusion import Counts, Labels, confusion_matrix
from modelisation.data.base import Sample, SegmentationDataset
from modelisation.evaluation.boundary import outlines_of
from modelisation.evaluation.calibration import Floats, Sums, sums_of
from modelisation.evaluation.cityscapes_protocol import write_label_ids
from modelisation.evaluation.inference import InferenceOptions, score_photo

_MOST_THREADS = 8  # of 2048x1024 photos each holds some 50 MB


@dataclass(frozen=True)
class PhotoCounts:
    """What is counted of one photo.

    Attributes:
        height, width: in pixels.
        matrix: the confusion matrix, int64 [C, C].
        outlines: see `outlines_of`.
        calibration: see `sums_of`; None where it was not asked for.
        milliseconds: from the photo's pixels to its labels, while others are worked on beside it.
    """

    height: int
    width: int
    matrix: Counts
    outlines: tuple[Counts, Counts]
    calibration: Sums | None
    milliseconds: float


class PhotoScorer:
    """Labels and counts the photos of a split.

    Args:
        predictor: the model.
        dataset: the split, in the model's taxonomy.
        inference: how to infer.
        calibration: count it, too.
        predictions: folder for labelIds PNGs; None writes none.
    """

    def __init__(
        self,
        predictor: Predictor,
        dataset: SegmentationDataset,
        inference: InferenceOptions,
        calibration: bool,
        predictions: Path | None,
    ) -> None:
        self._predictor, self._dataset, self._inference = predictor, dataset, inference
        self._calibration, self._predictions = calibration, predictions
        self._classes = len(predictor.card.taxonomy.classes)
        self._steady: tuple[tuple[int, int], Predictor] | None = None
        self._lock = threading.Lock()

    def score_all(self) -> Generator[PhotoCounts]:
        """What is counted of each photo, in the split's order.

        Raises:
            DatasetError, LabelValueError: a file is at fault.
            UserError: the inference does not fit the model.
        """
        threads = min(available_cpus(), _MOST_THREADS) + 1
        return in_order(self._score, range(len(self._dataset)), threads, ahead=threads)

    def _score(self, index: int) -> PhotoCounts:
        sample = self._dataset[index]
        height, width = sample.label.shape
        labels, confidence, milliseconds = self._labels_of(sample, self._network_for(sample))
        if self._predictions is not None:
            write_label_ids(labels, sample.name, self._predictions)
        return PhotoCounts(
            height,
            width,
            confusion_matrix(sample.label, labels, self._classes),
            outlines_of(sample.label, labels, self._classes),
            None if confidence is None else sums_of(sample.label, labels, confidence, self._classes),
            milliseconds,
        )

    def _labels_of(self, sample: Sample, predictor: Predictor) -> tuple[Labels, Floats | None, float]:
        """Labels, confidence where it is counted, and the milliseconds from pixels to labels."""
        start = time.perf_counter()
        if self._inference.served and not self._calibration:
            labels = predictor.predict_array(sample.image).labels_HW
            return labels, None, (time.perf_counter() - start) * 1e3
        height, width = sample.label.shape
        photo = score_photo(predictor, sample.image, self._inference)
        labels = photo.labels(height, width)
        elapsed = (time.perf_counter() - start) * 1e3
        if not self._calibration:
            return labels, None, elapsed
        confidence = photo.confidence(height, width, predictor.card.temperature)
        return labels, np.divide(confidence, np.float32(CERTAIN), dtype=np.float32), elapsed

    def _network_for(self, sample: Sample) -> Predictor:
        """The one network for all photos of the first one's size; the general one for others and for windows."""
        if self._inference.window is not None:
            return self._predictor
        height, width = sample.label.shape
        with self._lock:
            if self._steady is None:
                self._steady = (height, width), self._predictor.steady(height, width)
        size, steady = self._steady
        return steady if (height, width) == size else self._predictor
