"""What can be saved on the page Segment: the zip of all photos, and each kind of file for each model."""

import json

import pytest

from front.api.errors import ApiError
from front.api.models import prediction_cache
from front.segment.files import KINDS
from tests.front.conftest import OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.segment.test_view import press, texts, upload


def test_the_zip_is_made_on_request_and_not_again(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    before = len(api.calls)
    press(app, "Make a zip of everything")
    assert not app.exception
    assert not [call for call in api.calls[before:] if call.startswith(("/predict", "/compare"))]
    assert app.session_state["archive"].read().startswith(b"PK")
    assert any(b.label.startswith("Save the zip") for b in app.download_button)
    made = app.session_state["archive"]
    app.run()
    assert app.session_state["archive"] is made


def test_a_zip_that_met_a_busy_api_says_so_and_goes_on(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    prediction_cache.clear()  # its maps have been driven out by others
    api.mode = "busy"
    press(app, "Make a zip of everything")
    assert "busy" in texts(app.warning)
    api.mode = "ok"
    app.run()  # as the page does by itself
    assert not app.warning
    assert app.session_state["archive"].finished


def test_a_zip_tells_of_a_photo_that_was_refused(open_page: OpenPage, api: FakeApi) -> None:
    api.max_pixels = 10_000
    app = upload(open_page("segment"), ("street.jpg", jpeg()), ("huge.jpg", jpeg(200, 400)))
    press(app, "Make a zip of all 2 photos")
    assert app.session_state["archive"].finished
    assert "1 refused: its CSV says which and why" in texts(app.caption)


def test_a_download_that_failed_is_told_in_a_sentence(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    api.mode = "busy"
    download = next(d for d in app.session_state["downloads"].values() if d.name == "street_segformer_mask.png")
    with pytest.raises(ApiError):
        download()  # as Streamlit does when its button is pressed
    app.run()
    assert "street_segformer_mask.png** could not be fetched. The API is busy" in texts(app.error)
    api.mode = "ok"
    download()
    app.run()
    assert not app.error


def test_every_kind_of_file_is_offered_for_each_model_in_one_place(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    names = {}
    for kind in KINDS:
        app.pills(key="download_kind").set_value(kind).run()
        assert not app.exception, app.exception
        for download in app.session_state["downloads"].values():
            names[download.name] = download()
    assert {name for name in names if "segformer" in name} == {
        "street_segformer_mask.png",
        "street_segformer_overlay.png",
        "street_segformer_cutout_vehicle.png",
        "street_segformer_classes.png",
        "street_segformer_confidence.png",
        "street_segformer.coco.json",
        "street_segformer.labelme.json",
        "street_segformer.geojson",
    }
    assert json.loads(names["street_deeplabv3plus.geojson"])["form"] == "geojson"
    assert api.count("/predict?model=segformer%2F1&output=cutout&format=png&class=vehicle") == 1
    assert [box.label for box in app.selectbox if box.key == "cutout_class"] == [], "asked for where it matters alone"
