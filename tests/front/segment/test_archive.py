"""The zip of everything: made of what is there, refused photos told, and no work done twice."""

import csv
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from front.api.client import ApiClient
from front.api.errors import ApiError
from front.api.predictions import ModelRef, PredictionCache, segment
from front.photos.album import Photo, read_photo
from front.segment.archive import Archive, classes_json
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import labels_of
from tests.front.fake_records import NAMES, taxonomy

Steps = list[tuple[int, int, str]]


class Desk:
    """What an archive needs to be filled, and the steps that it reported."""

    def __init__(self, api: FakeApi) -> None:
        self.client = ApiClient(api.url)
        self.cache = PredictionCache()
        self.refs = [ModelRef.of(entry) for entry in self.client.models()["models"]]
        self.steps: Steps = []

    def archive(self, photos: list[Photo], opacity: float) -> Archive:
        return Archive(photos, self.refs, opacity, {ref.name: taxonomy() for ref in self.refs})

    def fill(self, archive: Archive, refused: dict[str, str] | None = None) -> None:
        archive.fill(self.client, self.cache, lambda *step: self.steps.append(step), refused or {})


@pytest.fixture
def desk(api: FakeApi) -> Desk:
    return Desk(api)


@pytest.fixture
def photos() -> list[Photo]:
    return [read_photo("street.jpg", jpeg(seed=1)), read_photo("street.jpg", jpeg(seed=2))]


def opened(archive: Archive) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(archive.read()))


def shares(archive: Archive) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(opened(archive).read("class_shares.csv").decode())))


def test_it_holds_masks_class_maps_overlays_and_a_csv_of_shares(desk: Desk, photos: list[Photo]) -> None:
    archive = desk.archive(photos, 0.4)
    desk.fill(archive)
    assert archive.finished
    with opened(archive) as found:
        assert found.testzip() is None
        assert len(found.namelist()) == len(set(found.namelist())) == 2 * 2 * 3 + 2
        mask = np.asarray(Image.open(io.BytesIO(found.read("street-2/segformer_mask.png"))))
        np.testing.assert_array_equal(mask, labels_of(photos[1].data, "segformer"))
        assert Image.open(io.BytesIO(found.read("street/deeplabv3plus_overlay.jpg"))).size == (120, 60)
    rows = shares(archive)
    assert len(rows) == 2 * 2 * 8
    assert sum(float(row["share"]) for row in rows[:8]) == pytest.approx(1, abs=1e-5)
    assert (rows[0]["model"], rows[0]["note"]) == ("deeplabv3plus", "")
    assert [done for done, _, _ in desk.steps] == sorted(done for done, _, _ in desk.steps)


def test_what_the_page_has_is_not_asked_for_again(desk: Desk, photos: list[Photo], api: FakeApi) -> None:
    for photo in photos:
        segment(desk.client, desk.cache, photo, desk.refs)
    asked = len(api.calls)
    desk.fill(desk.archive(photos, 0.4))
    assert len(api.calls) == asked


def test_its_masks_and_overlays_have_the_pixels_of_the_api_s(desk: Desk, photos: list[Photo]) -> None:
    archive = desk.archive(photos, 0.4)
    desk.fill(archive)
    for output, ending, tolerance in (("mask", "mask.png", 0), ("overlay", "overlay.jpg", 12)):
        theirs = desk.client.predict_png(photos[0].data, model="segformer", output=output, opacity=0.4)
        ours = opened(archive).read(f"street/segformer_{ending}")
        a, b = (np.asarray(Image.open(io.BytesIO(file)).convert("RGB"), int) for file in (theirs, ours))
        assert np.abs(a - b).mean() <= tolerance


def test_it_says_what_the_ids_mean(desk: Desk, photos: list[Photo]) -> None:
    archive = desk.archive(photos, 0.4)
    desk.fill(archive)
    entries = json.loads(opened(archive).read("classes.json"))
    assert entries[0] == {
        "id": 0,
        "name": "road",
        "colour": [128, 64, 128],
        "models": ["deeplabv3plus", "segformer"],
    }
    assert [entry["name"] for entry in entries] == list(NAMES)


def test_models_of_different_class_sets_each_have_their_own_meanings(desk: Desk) -> None:
    other = {"classes": [{"id": 0, "name": "flat", "color": [1, 2, 3]}]}
    text = classes_json(desk.refs, {"deeplabv3plus": taxonomy(), "segformer": other})
    assert [e["name"] for e in json.loads(text) if "segformer" in e["models"]] == ["flat"]


def test_names_are_legal_and_unique_on_every_system(desk: Desk) -> None:
    photos = [
        read_photo(name, jpeg(seed=i)) for i, name in enumerate(("Street.jpg", "street.png", "con.jpg", "a:b?.jpg"))
    ]
    archive = desk.archive(photos, 0.4)
    desk.fill(archive)
    names = opened(archive).namelist()
    assert {name.split("/")[0] for name in names if "/" in name} == {"Street", "street-2", "_con", "a_b_"}
    assert len({name.casefold() for name in names}) == len(names) == 4 * 2 * 3 + 2


def test_after_a_passing_error_it_goes_on_where_it_was(
    desk: Desk, photos: list[Photo], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = desk.archive(photos, 0.4)
    real = desk.client.compare
    left = iter(range(1))

    def one_then_busy(*args: object, **query: object) -> object:
        if next(left, None) is None:
            raise ApiError("overloaded", "Too many photos.")
        return real(*args, **query)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.client, "compare", one_then_busy)
    with pytest.raises(ApiError, match="busy"):
        desk.fill(archive)
    assert not archive.finished
    monkeypatch.setattr(desk.client, "compare", real)
    desk.cache = PredictionCache(1)  # the files made before are in the zip, not in memory
    desk.fill(archive)
    assert archive.finished
    assert api.count("/compare") == 2
    with opened(archive) as found:
        assert len(found.namelist()) == len(set(found.namelist())) == 2 * 2 * 3 + 2
    assert len(shares(archive)) == 2 * 2 * 8


def test_a_refused_photo_is_told_in_the_csv_and_does_not_stop_the_others(desk: Desk, api: FakeApi) -> None:
    api.max_pixels = 10_000
    huge, street = read_photo("huge.jpg", jpeg(200, 400)), read_photo("street.jpg", jpeg())
    archive = desk.archive([huge, street], 0.4)
    desk.fill(archive)
    rows = shares(archive)
    assert [(r["photo"], r["model"]) for r in rows[:2]] == [("huge.jpg", r.name) for r in desk.refs]
    assert all(r["note"].startswith("refused: The photo has 80000 pixels") for r in rows[:2])
    assert {r["photo"] for r in rows[2:]} == {"street.jpg"}
    assert archive.refusals == 1
    assert "street/segformer_mask.png" in opened(archive).namelist()


def test_a_photo_known_to_be_refused_is_not_sent_again(desk: Desk, photos: list[Photo], api: FakeApi) -> None:
    archive = desk.archive(photos, 0.4)
    desk.fill(archive, {photos[0].sha: "It is too large."})
    assert api.count("/compare") == 1
    assert shares(archive)[0]["note"] == "refused: It is too large."


def test_a_photo_that_the_dashboard_cannot_decode_is_told_too(desk: Desk, photos: list[Photo]) -> None:
    cut = replace(photos[0], kept=photos[0].data)
    segment(desk.client, desk.cache, cut, desk.refs)  # decoded there, and cut off meanwhile
    archive = desk.archive([replace(cut, kept=cut.data[:700]), photos[1]], 0.4)
    desk.fill(archive)
    assert shares(archive)[0]["note"].startswith("refused: street.jpg is damaged")
    assert archive.refusals == 1
