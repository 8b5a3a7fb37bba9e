"""The temperature of a network: one number that makes its confidence mean what it says, fitted on labelled photos.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: the scores are divided by the
temperature that minimises the negative log-likelihood of the labels. No label changes, since the order of the scores
does not. A pixel is called unsure below the confidence that half of the wrong pixels have.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from tqdm import tqdm

from back.runtime.card import Calibration
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import Labels
from back.runtime.upsample import sample_points
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.calibration import CalibrationError
from modelisation.evaluation.inference import InferenceOptions, PhotoScores, score_photo

Floats = npt.NDArray[np.float32]

# Pixels of a whole split that the fit looks at: one number needs no more, and of eight classes they take 32 MB.
PIXELS = 1 << 20
_RANGE = (0.05, 20.0)
_FEWEST = 100  # labelled pixels; with fewer nothing is fitted
_SEED = 0


@dataclass
class Pixels:
    """Some labelled pixels of a split, photo by photo: `scores` float32 [N, C] and `truth` uint8 [N]."""

    scores: list[Floats] = field(default_factory=list)
    truth: list[Labels] = field(default_factory=list)

    def add(self, photo: PhotoScores, label_HW: Labels, most: int, ignore_index: int = 255) -> None:
        """Draw at most `most` labelled pixels of a photo and interpolate their scores as the runtime does."""
        rng = np.random.default_rng((_SEED, len(self.truth)))
        labelled = np.flatnonzero(label_HW != ignore_index)
        drawn = labelled if len(labelled) <= most else rng.choice(labelled, most, replace=False)
        height, width = label_HW.shape
        y_low, y_fraction, rows = sample_points(height, photo.valid_height)
        x_low, x_fraction, columns = sample_points(width, photo.valid_width)
        y, x = np.divmod(drawn, width)
        y0, x0, down, right = y_low[y], x_low[x], y_fraction[y], x_fraction[x]
        y1, x1 = np.minimum(y0 + 1, rows - 1), np.minimum(x0 + 1, columns - 1)
        values = photo.values
        upper = values[:, y0, x0] * (1 - right) + values[:, y0, x1] * right
        lower = values[:, y1, x0] * (1 - right) + values[:, y1, x1] * right
        self.scores.append(np.ascontiguousarray((upper * (1 - down) + lower * down).T))
        self.truth.append(label_HW.reshape(-1)[drawn])

    def joined(self, photos: slice = slice(None)) -> tuple[Floats, Labels]:
        """Scores and truth of some photos, all by default."""
        return np.concatenate(self.scores[photos]), np.concatenate(self.truth[photos])


def measure_calibration(
    predictor: Predictor, dataset: SegmentationDataset, *, progress: bool = False
) -> Calibration | None:
    """Fit the temperature of a model on a split that it was not trained on; None where too few pixels are labelled.

    Args:
        predictor: the model; a temperature on its card does not matter.
        dataset: the split, in the model's classes.
        progress: show a progress bar.
    """
    pixels = Pixels()
    each = max(1, PIXELS // max(1, len(dataset)))
    for index in tqdm(range(len(dataset)), "calibrate", unit="image", disable=not progress):
        sample = dataset[index]
        if index == 0:
            predictor.prepare(*sample.label.shape)
        pixels.add(score_photo(predictor, sample.image, InferenceOptions()), sample.label, each)
    if sum(map(len, pixels.truth)) < _FEWEST:
        return None
    scores, truth = pixels.joined()
    temperature = fit_temperature(scores, truth)
    confidence, right = confidence_and_right(scores, truth, temperature)
    threshold = 0.5 if right.all() else round(float(np.median(confidence[~right])), 2)
    return Calibration(
        temperature=temperature,
        dataset=dataset.dataset,
        split=dataset.split,
        split_sha256=dataset.split_sha256,
        images=len(dataset),
        nll=(negative_log_likelihood(scores, truth, 1.0), negative_log_likelihood(scores, truth, temperature)),
        ece=(calibration_error(*confidence_and_right(scores, truth, 1.0)), _held_out_error(pixels, temperature)),
        unsure_below=threshold,
        unsure_share=float((confidence < threshold).mean()),
    )


def negative_log_likelihood(scores_NC: Floats, truth_N: Labels, temperature: float) -> float:
    """Mean of -log softmax(scores / temperature) at the true class."""
    return _likelihood(*_below_winner(scores_NC, truth_N), temperature)


def fit_temperature(scores_NC: Floats, truth_N: Labels) -> float:
    """The temperature from 0.05 to 20 with the least negative log-likelihood, to four digits.

    The likelihood has one optimum, because it is convex in the inverse of the temperature.
    """
    below_CN, own = _below_winner(scores_NC, truth_N)
    found = minimize_scalar(
        lambda log: _likelihood(below_CN, own, math.exp(log)),
        bounds=(math.log(_RANGE[0]), math.log(_RANGE[1])),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(f"{math.exp(found.x):.4g}")


def _below_winner(scores_NC: Floats, truth_N: Labels) -> tuple[npt.NDArray[np.float64], float]:
    """Scores less the winner's, float64 [C, N], and the mean of that at the true class."""
    # Classes first: numpy adds up and compares long rows, not a few numbers of each pixel.
    scores_CN = np.ascontiguousarray(scores_NC.T, np.float64)
    scores_CN -= scores_CN.max(0)
    return scores_CN, float(scores_CN[truth_N, np.arange(len(truth_N))].mean())


def _likelihood(below_CN: npt.NDArray[np.float64], own: float, temperature: float) -> float:
    """Of what `_below_winner` gives, at a temperature."""
    scaled = below_CN / temperature
    return float(np.log(np.exp(scaled, out=scaled).sum(0)).mean()) - own / temperature


def confidence_and_right(
    scores_NC: Floats, truth_N: Labels, temperature: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Softmax of the winner, float32 [N], and whether it is the true class, bool [N]."""
    scaled = (scores_NC - scores_NC.max(1, keepdims=True)) / np.float32(temperature)
    return 1 / np.exp(scaled).sum(1), scores_NC.argmax(1) == truth_N


def calibration_error(confidence_N: Floats, right_N: npt.NDArray[np.bool_]) -> float:
    """The expected calibration error of some pixels, 0..1."""
    counted = CalibrationError(1)
    # As if there were one class, which is 0: a wrong pixel is one whose truth is another.
    counted.add((~right_N).astype(np.uint8), np.zeros(len(right_N), np.uint8), confidence_N)
    return counted.error or 0.0


def _held_out_error(pixels: Pixels, temperature: float) -> float:
    """The calibration error with each half of the photos at the temperature that fits the other half."""
    middle = len(pixels.truth) // 2
    halves = [pixels.joined(slice(middle)), pixels.joined(slice(middle, None))] if middle else []
    if not halves or any(len(truth) < _FEWEST for _, truth in halves):
        halves, temperatures = [pixels.joined()], [temperature]
    else:
        temperatures = [fit_temperature(*half) for half in reversed(halves)]
    seen = [confidence_and_right(*half, own) for half, own in zip(halves, temperatures, strict=True)]
    return calibration_error(np.concatenate([c for c, _ in seen]), np.concatenate([right for _, right in seen]))
