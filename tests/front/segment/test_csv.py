"""The CSV that leaves the dashboard."""

import csv
import io

from front.api.client import ApiClient
from front.api.predictions import ModelRef, PredictionCache, segment
from front.photos.album import read_photo
from front.segment.csv import Row, csv_of
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
