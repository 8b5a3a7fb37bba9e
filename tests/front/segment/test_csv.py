"""What pages show of an answer, and the CSV that leaves the dashboard."""

import csv
import io

from PIL import Image

from front.api.client import ApiClient
from front.api.predictions import ModelRef, PredictionCache, segment
from front.photos.album import read_photo
from front.segment.csv import Row, csv_of, layer_of, waiting
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi


def refs_of(client: ApiClient) -> list[ModelRef]:
    return [ModelRef.of(entry) for entry in client.models()["models"]]


def test_a_file_name_does_not_become_a_formula(api: FakeApi) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    photo = read_photo("=1+1.jpg", jpeg())
    answer = segment(client, cache, photo, refs_of(client))["segformer"]
    assert csv_of([Row(photo, answer)]).splitlines()[1].startswith("'=1+1.jpg,")


def test_a_model_without_an_answer_is_one_line_that_says_why(api: FakeApi) -> None:
    photo = read_photo("huge.jpg", jpeg())
    ref = refs_of(ApiClient(api.url))[1]
    rows = list(csv.DictReader(io.StringIO(csv_of([Row(photo, ref, "refused: too large")]))))
    assert [(r["photo"], r["model"], r["version"], r["share"], r["note"]) for r in rows] == [
        ("huge.jpg", "segformer", "1", "", "refused: too large")
    ]


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
