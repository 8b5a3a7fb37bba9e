"""Calibration error against torchmetrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from back.runtime.taxonomy import STREET8
from modelisation.evaluation.calibration import CalibrationError, sums_of


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


def test_sums_of_a_photo_are_those_of_bincount_to_the_last_digit() -> None:
    rng = np.random.default_rng(1)
    prediction = np.kron(rng.integers(0, 8, (30, 40)), np.ones((5, 5), int)).astype(np.uint8)
    truth = np.where(rng.random(prediction.shape) < 0.9, prediction, 3).astype(np.uint8)
    truth[rng.random(truth.shape) < 0.1] = 255
    confidence = rng.integers(65535 // 8, 65536, truth.shape).astype(np.float32) / np.float32(65535)
    counts = truth != 255
    own, sure = prediction[counts], confidence[counts]
    code = own * 15 + np.clip(np.ceil(sure * np.float32(15)).astype(int) - 1, 0, 14)
    for found, weights in zip(
        sums_of(truth, prediction, confidence, 8), (None, sure, truth[counts] == own), strict=True
    ):
        assert (found.reshape(-1) == np.bincount(code, weights, minlength=120)).all()


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the classes"):
        sums_of(np.uint8([0]), np.uint8([8]), np.ones(1, np.float32), 8)
    with pytest.raises(ValueError, match="differ"):
        sums_of(np.uint8([0]), np.uint8([0, 1]), np.ones(1, np.float32), 8)


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
