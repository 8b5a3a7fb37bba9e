"""Downloads: fetched once, and a failure waits until the page can tell it."""

import threading
import time

import pytest
import streamlit as st

from front.api.client import ApiClient
from front.api.errors import ApiError
from front.api.predictions import ModelRef, PredictionCache, segment
from front.download import REDRAW_SECONDS, Download, sentence, tell_failures
from front.photos.album import read_photo
from front.segment.files import fetch
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi

BUSY = ApiError("overloaded", "It has more photos than it takes at once. This page tries again by itself.")


def failing(error: Exception) -> Download:
    def get() -> bytes:
        raise error

    return Download("street_mask.png", get)


def test_a_file_is_fetched_once_and_an_overlay_once_for_each_opacity(api: FakeApi) -> None:
    client, cache = ApiClient(api.url), PredictionCache()
    photo = read_photo("street.jpg", jpeg())
    refs = [ModelRef.of(entry) for entry in client.models()["models"]]
    shown = segment(client, PredictionCache(), photo, refs)["segformer"]
    masks = {fetch(client, cache, photo, shown, "mask", opacity) for opacity in (0.2, 0.6)}
    assert masks == {client.predict_png(photo.data, model="segformer", output="mask")}
    overlays = {fetch(client, cache, photo, shown, "overlay", opacity) for opacity in (0.2, 0.6, 0.2)}
    assert len(overlays) == 2
    assert api.count("/predict?model=segformer%2F1") == 3


def test_a_file_that_came_leaves_nothing_to_tell() -> None:
    download = Download("street_mask.png", lambda: b"png")
    download.note_press()
    assert download() == b"png"
    assert download.wait(0)
    assert download.problem is None


@pytest.mark.parametrize("press_first", [True, False])
def test_a_failure_is_told_whichever_of_press_and_call_comes_first(press_first: bool) -> None:
    download = failing(BUSY)
    if press_first:
        download.note_press()
    with pytest.raises(ApiError):
        download()
    if not press_first:
        download.note_press()
    assert download.wait(0)
    assert download.problem == sentence("street_mask.png", BUSY)


def test_pressing_again_forgets_the_failure_before() -> None:
    answers = iter([BUSY, b"png"])

    def get() -> bytes:
        answer = next(answers)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    download = Download("street_mask.png", get)
    with pytest.raises(ApiError):
        download()
    download.note_press()
    download()
    assert download.problem is None


def test_the_page_waits_for_a_file_on_its_way() -> None:
    gate = threading.Event()

    def get() -> bytes:
        gate.wait(10)
        return b"png"

    download = Download("street_mask.png", get)
    download.note_press()
    thread = threading.Thread(target=download)
    thread.start()
    assert not download.wait(0.05)
    gate.set()
    assert download.wait(10)
    thread.join()


def test_a_press_without_a_call_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("front.download.START_SECONDS", -1.0)
    download = Download("street_mask.png", lambda: b"png")
    download.note_press()
    assert download.wait(0)
    assert download.problem == "**street_mask.png** did not start to download. Press the button again."


def test_a_run_after_a_press_lasts_until_the_browser_has_drawn_the_new_buttons() -> None:
    """Streamlit ends the file ids of before with the run: a button pressed in between would find nothing."""
    download, other = (Download(name, lambda: b"png") for name in ("a.png", "b.png"))
    place = st.empty()
    begin = time.monotonic()
    tell_failures(place, [download, other])
    assert time.monotonic() - begin < 0.5, "nothing was pressed"
    download.note_press()
    begin = time.monotonic()
    download()
    tell_failures(place, [other, download])
    assert REDRAW_SECONDS - 0.1 < time.monotonic() - begin < REDRAW_SECONDS + 2


def test_the_sentence_names_the_file_and_says_what_to_do() -> None:
    told = sentence("street_mask.png", BUSY)
    assert told.startswith("**street_mask.png** could not be fetched. The API is busy: It has more photos")
    assert told.endswith("Press the button again in a moment.")
    assert "by itself" not in told
    refused = sentence("a.png", ApiError("rejected", "The photo is too large; send a smaller one."))
    assert refused.endswith("send a smaller one.")


def test_a_failure_of_another_kind_sends_the_reader_to_the_log() -> None:
    download = failing(RuntimeError("boom"))
    with pytest.raises(RuntimeError):
        download()
    assert "log says why" in str(download.problem)
