"""Flip and sliding windows on a network whose answer is known: a 1x1 convolution sees no neighbours."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from modelisation.evaluation.inference import InferenceOptions, parse_inference, score_photo, window_starts
from tests.bundles import make_bundle, paint, stripes


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor.load(make_bundle(tmp_path_factory.mktemp("bundles"), pixel_budget=96 * 160), precision="fp32")


@pytest.fixture
def photo(predictor: Predictor) -> np.ndarray:
    rng = np.random.default_rng(3)
    clean = paint(stripes(100, 150, 8), predictor.card.taxonomy)
    return np.clip(clean + rng.integers(-20, 20, clean.shape), 0, 255).astype(np.uint8)


def test_the_default_is_what_the_runtime_serves(predictor: Predictor, photo: np.ndarray) -> None:
    served = predictor.predict_array(photo).labels_HW
    assert InferenceOptions().served
    assert (score_photo(predictor, photo, InferenceOptions()).labels(100, 150) == served).all()


@pytest.mark.parametrize("window", [(64, 64), (96, 96), (32, 160), (512, 512)])
def test_windows_of_a_network_without_context_change_nothing(
    predictor: Predictor, photo: np.ndarray, window: tuple[int, int]
) -> None:
    whole = score_photo(predictor, photo, InferenceOptions())
    parts = score_photo(predictor, photo, InferenceOptions(window=window))
    assert parts.values == pytest.approx(whole.values, abs=1e-4)
    assert parts.valid_width == whole.valid_width


def test_flip_of_a_network_without_left_and_right_changes_nothing(predictor: Predictor, photo: np.ndarray) -> None:
    # One input pixel per score in both directions: the served labels may differ only by rounding.
    plain = score_photo(predictor, photo, InferenceOptions()).labels(100, 150)
    flipped = score_photo(predictor, photo, InferenceOptions(flip=True)).labels(100, 150)
    assert (plain == flipped).mean() > 0.97


def test_flip_makes_mirrored_photos_give_mirrored_scores(predictor: Predictor, photo: np.ndarray) -> None:
    # 96 x 160 fills the input without padding, so that mirroring is exact.
    image = np.ascontiguousarray(photo[:96, :150])
    image = np.pad(image, ((0, 0), (0, 10), (0, 0)), mode="edge")
    there = score_photo(predictor, image, InferenceOptions(flip=True)).values
    back = score_photo(predictor, np.ascontiguousarray(image[:, ::-1]), InferenceOptions(flip=True)).values
    assert back[:, :, ::-1] == pytest.approx(there, abs=1e-4)


def test_window_that_does_not_fit_the_stride_is_refused(predictor: Predictor, photo: np.ndarray) -> None:
    with pytest.raises(UserError, match="no multiple of the stride 32"):
        score_photo(predictor, photo, InferenceOptions(window=(50, 64)))


def test_windows_need_a_dynamic_model(tmp_path: Path, photo: np.ndarray) -> None:
    fixed = Predictor.load(make_bundle(tmp_path, fixed_size=(96, 160)), precision="fp32")
    with pytest.raises(UserError, match="dynamic model"):
        score_photo(fixed, photo, InferenceOptions(window=(64, 64)))


@given(st.integers(1, 40), st.integers(1, 20))
def test_windows_cover_everything_on_the_grid_and_overlap(cells: int, window_cells: int) -> None:
    size, window = cells * 32, window_cells * 32
    starts = window_starts(size, window, 32)
    assert starts[0] == 0
    assert all(start % 32 == 0 for start in starts)
    assert starts[-1] + window >= size
    assert all(b - a <= max(32, window * 2 // 3 + 32) for a, b in pairwise(starts))
    assert max(starts) + min(window, size) <= size


@pytest.mark.parametrize(
    "options",
    [
        InferenceOptions(),
        InferenceOptions(flip=True),
        InferenceOptions(window=(256, 320)),
        InferenceOptions(flip=True, window=(256, 320)),
    ],
)
def test_a_way_to_infer_is_read_from_its_own_label(options: InferenceOptions) -> None:
    assert parse_inference(options.label) == options


@pytest.mark.parametrize("text", ["", "plain", "256", "256x", "flip+256x320", "256x320+served", "-1x32"])
def test_an_unknown_way_to_infer_is_explained(text: str) -> None:
    with pytest.raises(UserError, match="write served, flip, HEIGHTxWIDTH"):
        parse_inference(text)
