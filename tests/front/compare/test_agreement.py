"""Agreement of two class maps: by hand, and as the API counts it."""

import io

import numpy as np
import pytest
from PIL import Image

from back import agreement as back_agreement
from back.runtime.scores.confusion import count_pairs
from back.runtime.taxonomy import Taxonomy
from front.api.client import ApiClient
from front.api.predictions import ModelRef, PredictionCache, footprint, segment
from front.compare.agreement import agreement, agreement_of, as_png, largest_swaps, shared_names
from front.photos.album import read_photo
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_records import NAMES


def taxonomy(names: list[str]) -> Taxonomy:
    classes = [{"id": i, "name": name, "color": (i, i, i)} for i, name in enumerate(names)]
    return Taxonomy.model_validate({"id": "test", "classes": classes, "ignore_index": 255})


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


def test_it_counts_as_the_api_counts() -> None:
    a, b = np.random.default_rng(3).integers(0, 3, (2, 40, 70), dtype=np.uint8)
    names_a, names_b = ["road", "sky", "tree"], ["tree", "road", "car"]
    found = agreement_of(as_png(a), as_png(b), names_a, names_b)
    pairs = count_pairs(a, b)
    assert found.share == pytest.approx(back_agreement.agreement_of(pairs, taxonomy(names_a), taxonomy(names_b)))
    assert found.matrix == pairs[:3, :3].tolist()
    differs = back_agreement.disagreement_map([(a, taxonomy(names_a)), (b, taxonomy(names_b))])
    np.testing.assert_array_equal(pixels(found.map_png), differs)


def test_a_map_larger_than_one_strip_is_counted_whole() -> None:
    a = np.zeros((1100, 1000), np.uint8)
    b = a.copy()
    b[-1, -5:] = 1
    found = agreement_of(as_png(a), as_png(b), ["road", "sky"], ["road", "sky"])
    assert found.matrix == [[1_100_000 - 5, 5], [0, 0]]
    assert pixels(found.map_png).sum() == 5 * 255


def test_agreement_of_segmented_models_needs_no_call_in_either_order(api: FakeApi) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    photo = read_photo("a.jpg", jpeg())
    refs = [ModelRef.of(entry) for entry in client.models()["models"]]
    segment(client, cache, photo, refs[:1])
    a, b = segment(client, cache, photo, refs).values()
    before = len(api.calls)
    forth = agreement(cache, photo, a, b, (NAMES, NAMES))
    back = agreement(cache, photo, b, a, (NAMES, NAMES))
    assert forth.share == back.share
    assert forth.matrix == [list(row) for row in zip(*back.matrix, strict=True)]
    assert agreement(cache, photo, a, b, (NAMES, NAMES)) is forth
    assert len(api.calls) == before
    assert footprint(forth) > len(forth.map_png) + 8 * 8 * 8


def test_swaps_are_largest_first_and_by_name() -> None:
    swaps = largest_swaps([[5, 3], [2, 0]], ["sky", "road"], ["road", "sky"])
    assert swaps == [("sky", "road", pytest.approx(50))]
    swaps = largest_swaps([[5, 1], [4, 0]], ["road", "sky"], ["road", "sky"])
    assert [s[:2] for s in swaps] == [("sky", "road"), ("road", "sky")]
    assert largest_swaps([[1, 0], [0, 1]], ["a", "b"], ["a", "b"]) == []


def class_set_of(name: str, *classes: str, **groups: dict[str, list[str]]) -> dict[str, object]:
    return {"id": name, "classes": [{"name": one} for one in classes], "groups": groups}


def test_a_finer_class_set_is_called_as_the_coarser_one_does() -> None:
    fine = class_set_of("fine", "car", "bus", "road", coarse={"ground": ["road"], "vehicle": ["car", "bus"]})
    coarse = class_set_of("coarse", "ground", "vehicle")
    assert shared_names(fine, coarse) == (["vehicle", "vehicle", "ground"], ["ground", "vehicle"], "coarse")
    assert shared_names(coarse, fine) == (["ground", "vehicle"], ["vehicle", "vehicle", "ground"], "coarse")
    assert shared_names(coarse, class_set_of("other", "sky")) == (["ground", "vehicle"], ["sky"], None)
