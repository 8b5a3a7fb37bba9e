"""The temperature is the one that the data were drawn at."""

import numpy as np
import pytest

from modelisation.evaluation.inference import PhotoScores
from modelisation.evaluation.temperature import (
    Pixels,
    calibration_error,
    confidence_and_right,
    fit_temperature,
    negative_log_likelihood,
)
from tests.dense import upsample_dense


def draw(temperature: float, count: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores float32 [N, 5], and classes drawn with the probabilities softmax(scores / temperature)."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (count, 5)).astype(np.float32)
    noise = rng.gumbel(size=scores.shape)  # whose largest sum with the scores is such a draw
    return scores, (scores / temperature + noise).argmax(1).astype(np.uint8)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_classes_were_drawn_at_is_found(temperature: float) -> None:
    scores, truth = draw(temperature)
    found = fit_temperature(scores, truth)
    assert found == pytest.approx(temperature, rel=0.03)
    least = negative_log_likelihood(scores, truth, found)
    assert least <= negative_log_likelihood(scores, truth, 0.9 * found)
    assert least <= negative_log_likelihood(scores, truth, 1.1 * found)
    assert calibration_error(*confidence_and_right(scores, truth, found)) < 0.01


def test_likelihood_is_torch_s_cross_entropy() -> None:
    torch = pytest.importorskip("torch", reason="torch is only in the training environment")
    scores, truth = draw(1.0, 100)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(scores) / 1.7, torch.from_numpy(truth).long())
    assert negative_log_likelihood(scores, truth, 1.7) == pytest.approx(float(expected), abs=1e-6)


def test_drawn_pixels_have_the_scores_of_the_runtime_s_upsampling() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(3, 6, 7)).astype(np.float32)
    label = rng.integers(0, 3, (40, 50), np.uint8)
    label[rng.random(label.shape) < 0.5] = 255
    pixels = Pixels()
    pixels.add(PhotoScores(scores, 5.5, 6.25), label, 10**6)
    found, truth = pixels.joined()
    dense = upsample_dense(scores, 40, 50, 5.5, 6.25)
    np.testing.assert_array_equal(truth, label[label != 255])
    np.testing.assert_allclose(found, dense[:, label != 255].T, atol=1e-5)
    pixels.add(PhotoScores(scores, 5.5, 6.25), label, 30)
    assert len(pixels.truth[1]) == 30
