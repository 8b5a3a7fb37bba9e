"""A link to a page: what it holds, what it shows somebody else, and how it ends."""

from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from front.api.models import prediction_cache
from tests.front.compare.test_view import label_png
from tests.front.conftest import APP, OpenPage, jpeg
from tests.front.fake_api import FakeApi


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception


def shared_page(app: AppTest, name: str = "street.jpg") -> str:
    """Add a photo, look at it in a way of one's own, and share it; the query of the link."""
    app.file_uploader[0].set_value([(name, jpeg(), "image/jpeg")]).run()
    app.pills(key="models").set_value(["segformer"]).run()
    press(app, "Make a link")
    app.session_state["view_settings"] = {"view": "wipe", "opacity": 0.35, "classes": ["road", "sky"]}
    app.run()
    return urlsplit(app.code[0].value).query


def opened(query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, values in parse_qs(query).items():
        app.query_params[name] = values[0]
    return app.run()


def texts(elements: object) -> str:
    return " ".join(str(element.value) for element in elements)  # type: ignore[attr-defined]


def test_a_link_shows_somebody_else_the_same_and_none_of_the_other_photos(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("segment")
    query = shared_page(app)
    assert parse_qs(query) == {
        "shared": [next(iter(api.shared.kept))],
        "models": ["segformer"],
        "view": ["wipe"],
        "opacity": ["35"],
        "class": ["road,sky"],
    }
    assert app.query_params["photos"], "the own page leads to all photos, the link does not"
    prediction_cache.clear()
    before = api.count("/compare")
    other = opened(query)
    assert not other.exception
    assert "street.jpg · 120 × 60 pixels" in texts(other.caption)
    assert other.pills(key="models").value == ["segformer"]
    assert api.count("/compare") == before, "what was kept is shown, nothing is asked anew"
    assert "Delete what is shared" not in [button.label for button in other.button]
    kept = {name: other.query_params[name] for name in ("view", "opacity", "class")}
    assert kept == {"view": "wipe", "opacity": "35", "class": "road,sky"}


def test_what_was_shared_is_shown_though_a_newer_version_serves(open_page: OpenPage, api: FakeApi) -> None:
    query = shared_page(open_page("segment"))
    api.version = "2"
    st.cache_data.clear()  # the list of models is a few seconds old at most
    prediction_cache.clear()
    other = opened(query)
    assert "SegFormer version 1; newer ones serve now" in texts(other.caption)
    assert api.count("/shared/0000000000000000000000/comparison") == 1
    prediction_cache.clear()
    other.run()
    assert not other.exception
    assert api.count("/shared/0000000000000000000000/comparison") == 2, "it is asked for again where it was dropped"


def test_a_link_carries_the_label_and_what_was_said_against_it(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("segment")
    app.file_uploader[0].set_value([("street.jpg", jpeg(), "image/jpeg")]).run()
    press(app, "Make a link")
    label = label_png(jpeg())
    app.file_uploader[-1].set_value(("truth.png", label, "image/png")).run()
    assert not app.exception, app.exception
    assert "given after the link was made" in texts(app.caption)
    press(app, "Delete what is shared")
    press(app, "Make a link")
    assert "given after the link" not in texts(app.caption)
    (about, _, said, kept) = next(iter(api.shared.kept.values()))
    assert (kept, about["label"]["taxonomy"], bool(said["label"])) == (label, "street8", True)
    app.run()
    query = urlsplit(app.code[0].value).query
    prediction_cache.clear()
    before = api.count("/compare")
    other = opened(query)
    assert not other.exception
    assert "truth.png is given for street.jpg" in texts(other.caption)
    assert api.count("/compare") == before, "what was kept is shown, nothing is asked anew"


@pytest.mark.parametrize("address", ["shared=gone", "shared=..%2Fmodels"])
def test_an_address_that_leads_nowhere_is_told(open_page: OpenPage, address: str) -> None:
    app = opened(address)
    assert "The shared photo of this address cannot be shown. It has been deleted, or" in texts(app.error)
    assert "shared" not in app.query_params


def test_who_made_it_deletes_it_and_the_address_forgets_it(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("segment")
    query = shared_page(app)
    api.mode = "error"
    press(app, "Delete what is shared")
    assert "The engine failed" in texts(app.error)
    api.mode = "ok"
    press(app, "Delete what is shared")
    assert not api.shared.kept
    assert not {"shared", "models", "view", "opacity", "class"} & set(app.query_params)
    assert "cannot be shown" in texts(opened(query).error)
