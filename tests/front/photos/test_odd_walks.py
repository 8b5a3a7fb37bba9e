"""Odd ways of using the dashboard: names that mean something to Markdown, several windows, foreign addresses."""

from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.front.conftest import APP, OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.photos.test_keeping import box, reload
from tests.front.segment.test_view import album, press, texts, upload
from tests.heif_files import avif

NAMES = [
    "*5 $ or 6 $*.jpg",
    "![x](https:⁄⁄elsewhere.example⁄x.png).jpg",
    ":red[stop] <b>.jpg",
    "街🚦" * 40 + ".jpg",
    "صورة\u202e.jpg",
    "CON.jpg",
    "con.JPG",
    "nul .jpg",
    "x" * 300 + ".jpg",
    "..jpg",
    "=SUM(A1).jpg",
    "a.tar.jpg",
]


def test_photos_of_odd_names_among_them_one_that_is_none_are_shown_and_segmented(
    open_page: OpenPage, api: FakeApi
) -> None:
    files = [(name, jpeg(30, 40, seed=i)) for i, name in enumerate(NAMES)]
    app = upload(open_page("segment"), *files, ("![no](photo) *.jpg", b"no photo"))
    assert not app.exception
    assert [photo.name for photo in album(app).photos.values()] == NAMES
    assert r"\*5 \$ or 6 \$\*.jpg · 40" in texts(app.caption)
    assert r"!\[no\](photo) \*.jpg" in texts(app.error)
    assert f"All {len(NAMES)} photos are segmented" in texts(app.caption)
    assert list(app.dataframe[-1].value["Photo"])[::2] == NAMES
    for sha in [*album(app).photos][3:5]:
        app.selectbox(key="photo_choice").set_value(sha).run()
        assert not app.exception


def test_a_photo_that_another_window_removes_while_the_api_refuses_it_is_forgotten(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = upload(open_page("segment"), ("a.jpg", jpeg(seed=1)))
    shared = album(app)
    shared.add("b.jpg", jpeg(seed=2))
    kept = shared.add("c.jpg", jpeg(seed=3))

    def remove_and_refuse(*_: object) -> tuple[int, str]:
        for photo in list(shared.photos.values()):
            if photo.name == "b.jpg":
                shared.remove(photo.sha)
        return 415, "The file is no JPEG, PNG, WEBP, HEIC or AVIF image; send one of these."

    monkeypatch.setattr(api, "_infer", remove_and_refuse)
    app.run()
    assert not app.exception
    assert list(shared.refused) == [kept.sha]
    assert "c.jpg** was refused" in texts(app.error)


def test_two_windows_of_one_address_show_what_the_other_left(open_page: OpenPage) -> None:
    app = upload(open_page("segment"), *((f"p{i}.jpg", jpeg(seed=i)) for i in range(3)))
    other = reload(app)
    press(other, "Remove this photo")
    again = reload(app)
    assert box(again) == "p1.jpg"
    assert "All 2 photos are segmented" in texts(again.caption)
    press(other, "Start over")
    again = reload(app)
    assert not again.exception
    assert not album(again).photos
    assert not again.query_params


@pytest.mark.parametrize("token", ["", "../../etc/passwd", "x" * 5000, "%00", ["one", "two"]], ids=repr)
def test_an_address_that_no_visit_made_begins_empty(open_page: OpenPage, token: str | list[str]) -> None:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["photos"] = token
    assert not app.run().exception
    assert not album(app).photos
    assert not app.query_params.get("photos") or token == [""]


def test_an_avif_is_shown_as_the_api_turns_it_and_sent_as_it_was_given(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data, sent = avif(exif=exif), []
    infer = api._infer

    def note(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        sent.append(files["image"])
        return infer(path, query, files)

    monkeypatch.setattr(api, "_infer", note)
    app = upload(open_page("segment"), ("phone.avif", data))
    assert not app.exception
    assert "phone.avif · 64 × 96 pixels" in texts(app.caption)
    assert set(sent) == {data}
    kept = album(app).photos[album(app).selected]
    assert kept.picture.startswith(b"\xff\xd8")
    assert isinstance(kept.shown, Path)
    album(app).clear()
    assert not kept.shown.exists()


def test_an_avif_that_the_api_refuses_or_cannot_be_asked_about_is_said_by_name(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("segment")
    monkeypatch.setattr(api, "answer", lambda *_: (400, "The image file is damaged or cut off."))
    app = upload(page, ("phone.avif", avif()))
    assert "phone.avif" in texts(app.error)
    assert "damaged" in texts(app.error)
