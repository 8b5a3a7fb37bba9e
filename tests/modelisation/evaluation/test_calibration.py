"""Calibration error against torchmetrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from back.runtime.taxonomy import STREET8
from modelisation.evaluation.calibration import CalibrationError


def random_pixels(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth uint8 [N] with ignored pixels, and probabilities float32 [N, 8]."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (500, 8))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.where(rng.random(500) < 0.6, probabilities.argmax(1), rng.integers(0, 8, 500))
    truth[rng.random(500) < 0.1] = 255
    return truth.astype(np.uint8), probabilities.astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_error_equals_torchmetrics(seed: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is only in the training environment")
    from torchmetrics.functional.classification import multiclass_calibration_error

    truth, probabilities = random_pixels(seed)
    streaming = CalibrationError(8)
    for part in (slice(0, 200), slice(200, None)):  # two images give what one of all pixels gives
        streaming.add(truth[part], probabilities[part].argmax(1).astype(np.uint8), probabilities[part].max(1))
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities),
        torch.from_numpy(truth).long(),
        num_classes=8,
        n_bins=15,
        norm="l1",
        ignore_index=255,
    )
    assert streaming.scores(STREET8)["ece"] == pytest.approx(float(expected), abs=1e-5)


def test_confidence_that_keeps_its_promise_has_no_error() -> None:
    truth = np.uint8([0] * 8 + [1] * 2)
    streaming = CalibrationError(8)
    streaming.add(truth, np.zeros(10, np.uint8), np.full(10, 0.8, np.float32))
    scores = streaming.scores(STREET8)
    assert scores["ece"] == pytest.approx(0, abs=1e-6)
    assert scores["class_ece"]["road"] == pytest.approx(0, abs=1e-6)
    assert scores["class_ece"]["sky"] is None


def test_certain_and_always_wrong_is_an_error_of_one() -> None:
    streaming = CalibrationError(8)
    streaming.add(np.uint8([1, 1, 255]), np.uint8([0, 0, 0]), np.ones(3, np.float32))
    scores = streaming.scores(STREET8)
    assert scores["ece"] == 1.0
    assert scores["reliability"][-1] == {"pixels": 2, "confidence": 1.0, "accuracy": 0.0}
