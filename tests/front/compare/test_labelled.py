"""Which pixels are judged: worked out from the API's answer, equal to what the API itself leaves out."""

import io

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import IGNORE, REMAPS, apply_remap
from front.compare.labelled import file_values, labelled_pixels

RNG = np.random.default_rng(5)


def answer(
    values: np.ndarray, remap: dict[int, int], predicted: np.ndarray
) -> tuple[np.ndarray, list[list[int]], np.ndarray]:
    """Where the model is wrong, the confusion matrix, and where there is a label: as the API works them out."""
    truth = apply_remap(values.astype(np.uint8), remap)
    labelled = truth != IGNORE
    matrix = np.bincount(truth[labelled].astype(int) * 8 + predicted[labelled], minlength=64).reshape(8, 8)
    return labelled & (truth != predicted), matrix.tolist(), labelled


@pytest.mark.parametrize("source", ["street8", "camvid11", "cityscapes_label_ids", "cityscapes19"])
@pytest.mark.parametrize("right", [0.0, 0.5, 0.99])
def test_they_are_those_that_the_api_does_not_leave_out(source: str, right: float) -> None:
    remap = dict(REMAPS[source]["street8"])
    values = np.kron(RNG.choice(list(remap), (12, 16)), np.ones((4, 5), int)).astype(np.uint8)
    truth = apply_remap(values, remap)
    predicted = np.where(RNG.random(values.shape) < right, truth % 8, RNG.integers(0, 8, values.shape)).astype(
        np.uint8
    )
    wrong, matrix, labelled = answer(values, remap, predicted)
    found = labelled_pixels(values, wrong, predicted, matrix)
    assert found is not None
    np.testing.assert_array_equal(found, labelled)


def test_a_model_without_any_error_leaves_the_unlabelled_ones_apart() -> None:
    values = np.array([[0, 0, 1, 1, 255, 255]], np.uint8)
    predicted = np.array([[0, 0, 1, 1, 0, 1]], np.uint8)
    wrong, matrix, labelled = answer(values, dict(REMAPS["street8"]["street8"]), predicted)
    assert not wrong.any()
    np.testing.assert_array_equal(labelled_pixels(values, wrong, predicted, matrix), labelled)
    predicted = np.array([[0, 0, 1, 1, 1, 1]], np.uint8)  # the unlabelled ones have one class, too
    values = np.array([[0, 0, 1, 1, 1, 255]], np.uint8)
    wrong, matrix, labelled = answer(values, dict(REMAPS["street8"]["street8"]), predicted)
    np.testing.assert_array_equal(labelled_pixels(values, wrong, predicted, matrix), labelled)


def test_an_answer_that_does_not_add_up_is_not_guessed_at() -> None:
    values, predicted = np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8)
    assert labelled_pixels(values, predicted > 0, predicted, [[3]]) is None
    assert labelled_pixels(np.full((2, 2), 9999), predicted > 0, predicted, [[4]]) is None


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_colours_are_values_too() -> None:
    colours = np.array([[[1, 2, 3], [1, 2, 3], [3, 2, 1], [0, 0, 0]]], np.uint8)
    assert file_values(png(colours)).tolist() == [[2, 2, 1, 0]]
    assert file_values(png(np.array([[7, 255]], np.uint8))).tolist() == [[7, 255]]
    assert file_values(png(np.array([[True, False]]))).tolist() == [[1, 0]]
