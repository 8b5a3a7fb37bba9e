import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from back.runtime import upsample
from back.runtime.upsample import ScoresError, upsample_argmax
from tests.dense import upsample_dense

TOLERANCE = 1e-5  # of the range of the scores: where the two best are closer, either may win


def smooth_scores(rng, classes, height, width, smoothing):
    """Random scores; with smoothing > 0 regions as a network gives them."""
    scores = rng.normal(size=(classes, height, width))
    for axis in (1, 2):
        for _ in range(smoothing):
            scores = (scores + np.roll(scores, 1, axis) + np.roll(scores, -1, axis)) / 3
    return scores.astype(np.float32)


def assert_labels_fit(labels, dense):
    """Labels equal the dense argmax wherever the margin of the two best is clear."""
    expected = dense.argmax(0)
    chosen = np.take_along_axis(dense, labels[None].astype(int), 0)[0]
    loss = dense.max(0) - chosen
    span = max(float(np.ptp(dense)), 1e-300)
    assert (loss[labels != expected] <= TOLERANCE * span).all()
    assert labels.shape == expected.shape


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(1, 21),
    size=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    out=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    valid=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    smoothing=st.integers(0, 4),
)
def test_labels_equal_those_of_dense_float64(seed, classes, size, out, valid, smoothing):
    scores = smooth_scores(np.random.default_rng(seed), classes, *size, smoothing)
    valid_h, valid_w = size[0] * valid[0], size[1] * valid[1]
    labels = upsample_argmax(scores, *out, valid_h, valid_w)
    assert_labels_fit(labels, upsample_dense(scores, *out, valid_h, valid_w))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    out=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_labels_equal_those_of_torch_interpolate(seed, size, out):
    scores = smooth_scores(np.random.default_rng(seed), 8, *size, 2)
    dense = torch.nn.functional.interpolate(
        torch.from_numpy(scores)[None].double(), size=out, mode="bilinear", align_corners=False
    )[0].numpy()
    assert_labels_fit(upsample_argmax(scores, *out, *size), dense)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    photo=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    stride=st.sampled_from([4, 8]),
)
def test_fractional_region_equals_torch_on_the_padded_picture_cropped(seed, photo, stride):
    # A photo padded to the stride: upsample all scores by the stride, then crop to the photo.
    size = tuple(math.ceil(side / 32) * 32 // stride for side in photo)
    scores = smooth_scores(np.random.default_rng(seed), 5, *size, 2)
    valid = tuple(math.ceil(side / stride) for side in photo)
    # The padding's own scores are out of reach by contract, so let the last valid score continue into it.
    scores[:, valid[0] :] = scores[:, valid[0] - 1 : valid[0]]
    scores[:, :, valid[1] :] = scores[:, :, valid[1] - 1 : valid[1]]
    dense = torch.nn.functional.interpolate(
        torch.from_numpy(scores)[None].double(), scale_factor=float(stride), mode="bilinear", align_corners=False
    )[0].numpy()[:, : photo[0], : photo[1]]
    labels = upsample_argmax(scores, *photo, photo[0] / stride, photo[1] / stride)
    assert_labels_fit(labels, dense)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-42, 1e-38, 1e-20, 1.0, 1e20, 1e37]),
    offset=st.sampled_from([0.0, 1e3, -1e6]),
)
def test_labels_hold_at_any_magnitude_and_offset(seed, scale, offset):
    scores = smooth_scores(np.random.default_rng(seed), 6, 7, 9, 1)
    scores = (scores / np.abs(scores).max() * np.float32(scale)).astype(np.float32)
    if scale == 1.0:
        scores += np.float32(offset)
    assume(np.ptp(scores) > 0)
    labels = upsample_argmax(scores, 50, 61, 7, 9)
    assert_labels_fit(labels, upsample_dense(scores, 50, 61, 7, 9))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(2, 6),
    out=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_equal_scores_go_to_the_lowest_id(seed, classes, out):
    # Small whole numbers at an exact 4x: every interpolated value is exact in float32, so ties are true ties.
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 3, (classes, out[0], out[1])).astype(np.float32)
    size = (out[0] * 4, out[1] * 4)
    dense = upsample_dense(scores, *size, *out)
    np.testing.assert_array_equal(upsample_argmax(scores, *size, *out), dense.argmax(0))


def test_one_winner_everywhere_fills_the_picture():
    scores = np.zeros((9, 16, 16), np.float32)
    scores[7] = 1
    assert (upsample_argmax(scores, 333, 77, 16, 16) == 7).all()


def test_boundary_of_two_classes_falls_where_algebra_says():
    # Class 1 leads by -1 at the left score and by +3 at the right one: it takes over a quarter of the way between.
    scores = np.array([[[0, 0]], [[-1, 3]]], np.float32)
    labels = upsample_argmax(scores, 1, 2000, 1, 2)
    first = int(np.flatnonzero(labels[0])[0])
    # sx = (X + 0.5) * 2 / 2000 - 0.5 = 0.25 at X = 749.5
    assert first == 750
    assert (labels[0, 750:] == 1).all()


def test_strips_over_several_threads_give_the_same_labels(monkeypatch):
    scores = smooth_scores(np.random.default_rng(2), 8, 40, 40, 2)
    monkeypatch.setattr(upsample, "available_cpus", lambda: 1)
    expected = upsample_argmax(scores, 1600, 1500, 39.3, 40)
    monkeypatch.setattr(upsample, "_STRIP_PIXELS", 1000)
    for cpus in (2, 3, 64):
        monkeypatch.setattr(upsample, "available_cpus", lambda cpus=cpus: cpus)
        np.testing.assert_array_equal(upsample_argmax(scores, 1600, 1500, 39.3, 40), expected)


def test_read_only_and_strided_scores_are_taken():
    scores = smooth_scores(np.random.default_rng(3), 4, 6, 6, 1)
    expected = upsample_argmax(scores, 30, 30, 6, 6)
    scores.flags.writeable = False
    np.testing.assert_array_equal(upsample_argmax(scores, 30, 30, 6, 6), expected)
    channels_last = np.ascontiguousarray(scores.transpose(1, 2, 0)).transpose(2, 0, 1)
    np.testing.assert_array_equal(upsample_argmax(channels_last, 30, 30, 6, 6), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_an_error(bad):
    scores = np.zeros((3, 5, 5), np.float32)
    scores[1, 2, 3] = bad
    with pytest.raises(ScoresError, match="NaN or infinity"):
        upsample_argmax(scores, 10, 10, 5, 5)


@pytest.mark.parametrize(
    ("shape", "out", "valid"),
    [
        ((5, 5), (10, 10), (5, 5)),
        ((3, 5, 5), (0, 10), (5, 5)),
        ((3, 5, 5), (10, 10), (5.1, 5)),
        ((3, 5, 5), (10, 10), (5, 0)),
        ((257, 2, 2), (10, 10), (2, 2)),
    ],
)
def test_shapes_that_do_not_fit_are_an_error(shape, out, valid):
    with pytest.raises(ScoresError):
        upsample_argmax(np.zeros(shape, np.float32), *out, *valid)
