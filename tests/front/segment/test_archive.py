"""The zip of everything: the API's own masks, refused photos told, and no work done twice."""

import csv
import io
import zipfile

import pytest
from PIL import Image

from front.api.client import ApiClient
from front.api.errors import ApiError
from front.api.predictions import ModelRef, PredictionCache, segment
from front.photos.album import Photo, read_photo
from front.segment.archive import Archive, unique
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import labels_of, png_of

Steps = list[tuple[int, int, str]]


class Desk:
    """What an archive needs to be filled, and the steps that it reported."""

    def __init__(self, api: FakeApi) -> None:
        self.client = ApiClient(api.url)
        self.cache, self.files = PredictionCache(), PredictionCache()
        self.refs = [ModelRef.of(entry) for entry in self.client.models()["models"]]
        self.steps: Steps = []

    def fill(self, archive: Archive, refused: dict[str, str] | None = None) -> None:
        archive.fill(self.client, self.cache, self.files, lambda *step: self.steps.append(step), refused or {})


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


def test_it_holds_the_api_s_masks_and_a_csv_of_shares(desk: Desk, photos: list[Photo]) -> None:
    archive = Archive(photos, desk.refs, 0.4)
    desk.fill(archive)
    assert archive.finished
    with opened(archive) as found:
        assert found.testzip() is None
        assert len(found.namelist()) == len(set(found.namelist())) == 2 * 2 * 3 + 1
        mask = png_of(labels_of(photos[1].data, "segformer"), "mask", b"", 0)
        assert found.read("street-2/segformer_mask.png") == mask
        assert Image.open(io.BytesIO(found.read("street/deeplabv3plus_overlay.jpg"))).size == (120, 60)
    rows = shares(archive)
    assert len(rows) == 2 * 2 * 8
    assert sum(float(row["share"]) for row in rows[:8]) == pytest.approx(1, abs=1e-5)
    assert (rows[0]["model"], rows[0]["note"]) == ("deeplabv3plus", "")
    assert [done for done, _, _ in desk.steps] == sorted(done for done, _, _ in desk.steps)


def test_files_that_are_there_already_are_not_asked_for_again(desk: Desk, photos: list[Photo], api: FakeApi) -> None:
    desk.fill(Archive(photos, desk.refs, 0.4))
    assert (api.count("/compare"), api.count("/predict")) == (2, 8)
    desk.fill(Archive(photos, desk.refs, 0.4))
    assert (api.count("/compare"), api.count("/predict")) == (2, 8)
    desk.fill(Archive(photos, desk.refs, 0.5))
    assert api.count("/predict") == 8 + 4  # overlays alone depend on the opacity


def test_after_a_passing_error_it_goes_on_where_it_was(
    desk: Desk, photos: list[Photo], api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(photos, desk.refs, 0.4)
    real = desk.client.predict_png
    left = iter(range(5))

    def five_then_busy(*args: object, **query: object) -> bytes:
        if next(left, None) is None:
            raise ApiError("overloaded", "Too many photos.")
        return real(*args, **query)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.client, "predict_png", five_then_busy)
    with pytest.raises(ApiError, match="busy"):
        desk.fill(archive)
    assert not archive.finished
    monkeypatch.setattr(desk.client, "predict_png", real)
    desk.files = PredictionCache(1)  # the masks and overlays made before are in the zip, not in memory
    desk.fill(archive)
    assert archive.finished
    assert api.count("/predict") <= 8 + 1  # at most the mask whose overlay had failed
    with opened(archive) as found:
        assert len(found.namelist()) == len(set(found.namelist())) == 2 * 2 * 3 + 1
    assert len(shares(archive)) == 2 * 2 * 8


def test_a_refused_photo_is_told_in_the_csv_and_does_not_stop_the_others(desk: Desk, api: FakeApi) -> None:
    api.max_pixels = 10_000
    huge, street = read_photo("huge.jpg", jpeg(200, 400)), read_photo("street.jpg", jpeg())
    archive = Archive([huge, street], desk.refs, 0.4)
    desk.fill(archive)
    rows = shares(archive)
    assert [(r["photo"], r["model"]) for r in rows[:2]] == [("huge.jpg", r.name) for r in desk.refs]
    assert all(r["note"].startswith("refused: The photo has 80000 pixels") for r in rows[:2])
    assert {r["photo"] for r in rows[2:]} == {"street.jpg"}
    assert archive.refusals == 1
    assert "street/segformer_mask.png" in opened(archive).namelist()


def test_a_photo_known_to_be_refused_is_not_sent_again(desk: Desk, photos: list[Photo], api: FakeApi) -> None:
    archive = Archive(photos, desk.refs, 0.4)
    desk.fill(archive, {photos[0].sha: "It is too large."})
    assert api.count("/compare") == 1
    assert shares(archive)[0]["note"] == "refused: It is too large."


def test_files_are_of_the_version_whose_result_is_shown(desk: Desk, photos: list[Photo], api: FakeApi) -> None:
    segment(desk.client, desk.cache, photos[0], desk.refs)
    desk.fill(Archive(photos[:1], desk.refs, 0.4))
    asked = [call for call in api.calls if call.startswith("/predict")]
    assert all("model=deeplabv3plus%2F1" in call or "model=segformer%2F1" in call for call in asked)


def test_folders_of_photos_of_one_name_are_told_apart() -> None:
    assert unique(["a", "a", "a-2", "b", "a"]) == ["a", "a-2", "a-2-2", "b", "a-3"]
