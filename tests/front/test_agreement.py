"""Agreement of two class maps: by hand, and as the API counts it."""

import io

import numpy as np
import pytest
from PIL import Image

from front.agreement import agreement_of, as_png
from front.api import ApiClient
from tests.front.conftest import jpeg
from tests.front.fake_api import NAMES, FakeApi


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_agreement_by_hand() -> None:
    a, b = as_png(np.array([[0, 0, 1, 2]], np.uint8)), as_png(np.array([[0, 1, 1, 0]], np.uint8))
    found = agreement_of(a, b, ["road", "sky", "tree"], ["road", "sky", "tree"])
    assert found.share == 0.5
    assert found.matrix == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert pixels(found.map_png).tolist() == [[0, 255, 0, 255]]


def test_classes_are_compared_by_name_not_by_number() -> None:
    a, b = as_png(np.array([[0, 1]], np.uint8)), as_png(np.array([[1, 0]], np.uint8))
    assert agreement_of(a, b, ["road", "sky"], ["sky", "road"]).share == 1
    assert agreement_of(a, a, ["road", "sky"], ["sky", "car", "road"]).share == 0


def test_it_counts_as_the_api_counts(api: FakeApi) -> None:
    answer = ApiClient(api.url).compare(jpeg(80, 160), models=["deeplabv3plus", "segformer"])
    a, b = (s.classes_png for s in answer.segmentations)
    found = agreement_of(a, b, NAMES, NAMES)
    assert found.share == pytest.approx(answer.pairs[0]["pixel_agreement"])
    assert found.matrix == answer.pairs[0]["confusion_matrix"]
    assert answer.disagreement_png is not None
    np.testing.assert_array_equal(pixels(found.map_png), pixels(answer.disagreement_png))


def test_a_map_larger_than_one_strip_is_counted_whole() -> None:
    a = np.zeros((1100, 1000), np.uint8)
    b = a.copy()
    b[-1, -5:] = 1
    found = agreement_of(as_png(a), as_png(b), ["road", "sky"], ["road", "sky"])
    assert found.matrix == [[1_100_000 - 5, 5], [0, 0]]
    assert pixels(found.map_png).sum() == 5 * 255
