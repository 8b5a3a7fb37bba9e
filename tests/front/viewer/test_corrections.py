"""Corrected class maps: what the browser sends is checked, and the rest of the map stays as the model has it."""

import io

import numpy as np
import pytest
from PIL import Image

from front.api.client import ApiClient
from front.api.predictions import ModelRef, PredictionCache, segment
from front.photos.album import Album
from front.viewer.corrections import checked, corrected_by, corrected_png, kept_of
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi


def ids_of(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "L"
        return np.asarray(image)


@pytest.mark.parametrize(("height", "width", "scale"), [(60, 120, 1), (200, 3200, 2)])
def test_the_corrected_pixels_change_at_the_photo_s_own_size_and_no_others(
    api: FakeApi, height: int, width: int, scale: int
) -> None:
    client, album = ApiClient(api.url), Album()
    photo = album.add("street.jpg", jpeg(height, width))
    refs = [ModelRef.of(entry) for entry in client.models()["models"]]
    answers = segment(client, PredictionCache(), photo, refs)
    small = width // scale
    told = {"model": "segformer", "runs": [5 * small + 10, 20, 4, 6 * small + 10, 20, 0]}
    corrected_by(album, photo, answers, dict.fromkeys(answers, 8))(told)
    runs = kept_of(album, photo, answers["segformer"])
    assert runs is not None
    before, after = ids_of(answers["segformer"].classes_png), ids_of(corrected_png(answers["segformer"], runs))
    expected = before.copy()
    expected[5 * scale : 6 * scale, 10 * scale : 30 * scale] = 4
    expected[6 * scale : 7 * scale, 10 * scale : 30 * scale] = 0
    assert np.array_equal(after, expected)
    assert kept_of(album, photo, answers["deeplabv3plus"]) is None
    album.remove(photo.sha)
    assert not album.corrections


@pytest.mark.parametrize(
    "runs",
    [None, "0,1,2", [0, 1], [0, 1, 8], [0, 0, 1], [-1, 2, 1], [99, 2, 1], [0, 1, True], [0.0, 1, 1], [[0], 1, 1]],
)
def test_runs_that_lie_outside_of_the_map_are_dropped(runs: object) -> None:
    assert checked(runs, 100, 8) is None
    assert checked([0, 1, 7, 99, 1, 0], 100, 8) == (0, 1, 7, 99, 1, 0)


def test_what_is_no_correction_of_a_shown_model_changes_nothing() -> None:
    album = Album()
    for told in (None, [], {"runs": [0, 1, 2]}, {"model": "unet", "runs": [0, 1, 2]}):
        corrected_by(album, album.add("a.jpg", jpeg()), {}, {})(told)
    assert not album.corrections
