"""How sure the models are: asked for only while it is looked at, once a photo and model, and told how to read."""

import io

import numpy as np
import pytest
from PIL import Image

from front.photos.picture import PhotoError, shrink_confidence, shrink_map
from front.segment.confidence import sureness_of
from tests.front.conftest import OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import SURENESS, labels_of, png_of
from tests.front.fake_records import entry_of
from tests.front.segment.test_view import upload


def test_it_is_asked_for_only_while_somebody_looks_and_once(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    assert api.count("/predict") == 0
    app.session_state["confidence_wanted"] = True
    app.run()
    assert not app.exception
    asked = [call for call in api.calls if call.startswith("/predict")]
    assert sorted(call.split("model=")[1].split("&")[0] for call in asked) == ["deeplabv3plus%2F1", "segformer%2F1"]
    assert all("output=confidence" in call for call in asked)
    app.run()
    app.session_state["confidence_wanted"] = False
    app.run()
    assert api.count("/predict") == 2


def test_a_map_at_display_size_keeps_the_pixels_of_the_class_map() -> None:
    photo = jpeg(90, 130)
    labels = labels_of(photo, "segformer")
    height, width = labels.shape
    full, classes = png_of(labels, "confidence", photo, 0), png_of(labels, "classes", photo, 0)
    for size in ((width, height), (width // 2, height // 2), (41, 33)):
        found = Image.open(io.BytesIO(shrink_confidence(full, size)))
        assert (found.mode, found.size) == ("L", size)
        shrunk = np.asarray(Image.open(io.BytesIO(shrink_map(classes, size))))
        np.testing.assert_array_equal(np.asarray(found), np.rint(SURENESS[shrunk] / 257))
    with pytest.raises(PhotoError, match="16-bit"):
        shrink_confidence(classes, (65, 45))


def test_the_slider_begins_where_the_cards_say_and_an_uncalibrated_model_is_named() -> None:
    fitted = [entry_of("deeplabv3plus", "1"), entry_of("segformer", "1")]
    sureness = sureness_of(fitted)
    assert sureness.below == pytest.approx(0.65)
    assert "half of the wrong pixels of scenes val" in sureness.key[1]
    plain = fitted[1] | {"temperature": 1.0, "calibration": None}
    assert "Not calibrated on labelled photos: SegFormer." in sureness_of([fitted[0], plain]).key
    assert sureness_of([plain]).below == 0.5


def test_an_api_that_does_not_know_it_does_not_keep_the_page_from_showing_masks(
    open_page: OpenPage, api: FakeApi
) -> None:
    real = api.answer

    def older(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        if query.get("output") == "confidence":
            return 422, "The query parameter 'output' must be mask, overlay or classes."
        return real(path, query, files)

    api.answer = older  # type: ignore[method-assign]
    app = open_page("segment")
    app.session_state["confidence_wanted"] = True
    upload(app, ("street.jpg", jpeg()))
    assert not app.exception
    assert "How sure the models are is not known" in app.warning[0].value
    assert "Downloads" in [s.value for s in app.subheader]
