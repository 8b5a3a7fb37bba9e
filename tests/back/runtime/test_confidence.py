"""The confidence map against float64's softmax of the upsampled scores."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime import upsample
from back.runtime.card import Calibration
from back.runtime.confidence import CERTAIN, confidence_map
from back.runtime.masks.png import encode_gray16_png
from back.runtime.predictor import Predictor
from back.runtime.upsample import ScoresError
from modelisation.export.bundle import store_calibration
from tests.bundles import make_bundle
from tests.dense import upsample_dense


def softmax_of_winner(dense_CHW: np.ndarray, temperature: float) -> np.ndarray:
    exponential = np.exp((dense_CHW - dense_CHW.max(0)) / temperature)
    return 1 / exponential.sum(0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(1, 21),
    size=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    out=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    valid=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    temperature=st.floats(0.3, 5),
)
def test_it_is_the_softmax_of_the_upsampled_scores(
    seed: int,
    classes: int,
    size: tuple[int, int],
    out: tuple[int, int],
    valid: tuple[float, float],
    temperature: float,
) -> None:
    scores = np.random.default_rng(seed).normal(0, 4, (classes, *size)).astype(np.float32)
    region = size[0] * valid[0], size[1] * valid[1]
    found = confidence_map(scores, *out, *region, temperature)
    expected = CERTAIN * softmax_of_winner(upsample_dense(scores, *out, *region), temperature)
    assert found.shape == out
    assert np.abs(found - expected).max() <= 1.5  # half of it is the rounding


def test_strips_on_threads_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(0).normal(0, 4, (8, 9, 11)).astype(np.float32)
    whole = confidence_map(scores, 61, 83, 8.25, 10.5)
    monkeypatch.setattr(upsample, "_STRIP_PIXELS", 100)
    monkeypatch.setattr(upsample, "available_cpus", lambda: 3)
    np.testing.assert_array_equal(confidence_map(scores, 61, 83, 8.25, 10.5), whole)


@pytest.mark.parametrize("scale", [0.0, 1e-38, 1e20, 3e38])
def test_scores_of_any_size_give_a_probability(scale: float) -> None:
    scores = np.zeros((4, 3, 3), np.float32)
    scores[1] = scale
    scores[2] = -scale
    found = confidence_map(scores, 12, 12, 3, 3)
    assert (found == (CERTAIN if scale > 1 else round(CERTAIN / 4))).all()


def test_scores_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(ScoresError, match="NaN"):
        confidence_map(np.full((2, 2, 2), np.nan, np.float32), 4, 4, 2, 2)


@pytest.mark.parametrize("size", [(1, 1), (63, 5), (64, 70), (200, 33)])
def test_the_png_holds_every_bit(size: tuple[int, int]) -> None:
    values = np.random.default_rng(0).integers(0, 65536, size, np.uint16)
    with Image.open(io.BytesIO(encode_gray16_png(values))) as written:
        assert written.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(written), values)


def test_the_card_s_temperature_changes_the_confidence_and_no_label(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    photo = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    plain = Predictor.load(bundle).predict_array(photo, confidence=True)
    fitted = Calibration(
        temperature=3.0, dataset="rendered", split="val", split_sha256="0" * 64, images=2, nll=(0.5, 0.4),
        ece=(0.1, 0.05), unsure_below=0.7, unsure_share=0.1,
    )  # fmt: skip
    store_calibration(bundle, fitted)
    predictor = Predictor.load(bundle)
    milder = predictor.predict_array(photo, confidence=True)
    np.testing.assert_array_equal(milder.labels_HW, plain.labels_HW)
    assert plain.confidence_HW is not None
    assert milder.confidence_HW is not None
    assert (milder.confidence_HW <= plain.confidence_HW).all()
    assert milder.confidence_HW.mean() < plain.confidence_HW.mean()
    assert predictor.card.calibration == fitted
    assert list(milder.timings_ms) == ["resize", "infer", "argmax", "confidence"]
    assert predictor.predict_array(photo).confidence_HW is None
    store_calibration(bundle, None)
    assert "calibration" not in (bundle / "model.json").read_text(encoding="utf-8")
