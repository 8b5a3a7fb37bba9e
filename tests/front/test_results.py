"""What leaves the dashboard: CSV and zip, with the API's own masks."""

import csv
import io
import zipfile

import pytest
from PIL import Image

from front.api import ApiClient
from front.photos import read_photo
from front.predictions import ModelRef, PredictionCache, segment
from front.results import build_archive, csv_of, layer_of, waiting
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi, labels_of, png_of


def refs_of(client: ApiClient) -> list[ModelRef]:
    return [ModelRef.of(entry) for entry in client.models()["models"]]


def test_the_zip_holds_the_api_s_masks_and_a_csv_of_shares(api: FakeApi) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    photos = [read_photo("street.jpg", jpeg(seed=1)), read_photo("street.jpg", jpeg(seed=2))]
    steps: list[tuple[int, int, str]] = []
    data = build_archive(client, cache, photos, refs_of(client), 0.4, lambda *step: steps.append(step))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(set(archive.namelist())) == 2 * 2 * 3 + 1
        mask = png_of(labels_of(photos[1].data, "segformer"), "mask", b"", 0)
        assert archive.read("street-2/segformer_mask.png") == mask
        assert Image.open(io.BytesIO(archive.read("street/deeplabv3plus_overlay.jpg"))).size == (120, 60)
        rows = list(csv.DictReader(io.StringIO(archive.read("class_shares.csv").decode())))
    assert [step[:2] for step in steps] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert len(rows) == 2 * 2 * 8
    first = [float(row["share"]) for row in rows[:8]]
    assert sum(first) == pytest.approx(1, abs=1e-5)
    assert rows[0]["model"] == "deeplabv3plus"


def test_a_file_name_does_not_become_a_formula(api: FakeApi) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    photo = read_photo("=1+1.jpg", jpeg())
    answer = segment(client, cache, photo, refs_of(client))["segformer"]
    assert csv_of([(photo, answer)]).splitlines()[1].startswith("'=1+1.jpg,")


def test_waiting_lists_photos_that_lack_a_model(api: FakeApi) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    refs = refs_of(client)
    done, todo = read_photo("a.jpg", jpeg(seed=1)), read_photo("b.jpg", jpeg(seed=2))
    segment(client, cache, done, refs)
    segment(client, cache, todo, refs[:1])
    assert waiting(cache, [done, todo], refs) == [todo]


def test_a_layer_tells_those_who_cannot_see_it_what_it_shows(api: FakeApi) -> None:
    client = ApiClient(api.url)
    photo = read_photo("a.jpg", jpeg(200, 4000))
    layer = layer_of(segment(client, PredictionCache(), photo, refs_of(client))["segformer"], [])
    assert layer.alt.startswith("SegFormer sees ")
    assert "sky 28%" in layer.alt
    assert Image.open(io.BytesIO(layer.map_png)).size == (1600, 80)
