"""The photos that someone brought stay: over a change of page, a reload and a batch, until they are removed."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.front.conftest import APP, OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.segment.test_view import album, press, texts, upload


def test_photos_can_be_removed(open_page: OpenPage) -> None:
    app = upload(open_page("segment"), ("a.jpg", jpeg(seed=1)), ("b.jpg", jpeg(seed=2)))
    next(b for b in app.button if b.label == "Remove this photo").click().run()
    assert [p.name for p in album(app).photos.values()] == ["b.jpg"]
    next(b for b in app.button if b.label == "Start over").click().run()
    assert not album(app).photos
    assert app.title[0].value == "Segment"


def test_photos_outlive_a_change_of_page(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    app.switch_page("runs/view.py").run()
    app.switch_page("segment/view.py").run()
    assert "street.jpg" in texts(app.caption)
    assert api.count("/compare") == 1


def box(app: AppTest) -> str:
    """The photo that the box names."""
    chosen = app.selectbox(key="photo_choice")
    return str(chosen.options[[*album(app).photos].index(str(chosen.value))])


def test_the_photo_box_names_the_photo_that_is_shown_after_a_change_of_page(open_page: OpenPage) -> None:
    app = upload(open_page("segment"), *((f"p{i}.jpg", jpeg(seed=i)) for i in range(3)))
    app.selectbox(key="photo_choice").set_value([*album(app).photos][2]).run()
    for page in ("runs", "compare", "segment"):
        app.switch_page(f"{page}/view.py").run()
        if page != "runs":
            assert (box(app), "p2.jpg · 120" in texts(app.caption)) == ("p2.jpg", True)
    press(app, "Remove this photo")
    assert [p.name for p in album(app).photos.values()] == ["p0.jpg", "p1.jpg"]
    assert (box(app), "p0.jpg · 120" in texts(app.caption)) == ("p0.jpg", True)


def reload(app: AppTest) -> AppTest:
    """Another session at the same address, as the browser makes one."""
    again = AppTest.from_file(APP, default_timeout=60)
    for name, values in app.query_params.items():
        again.query_params[name] = values
    return again.run()


def test_a_reload_keeps_the_photos_and_which_one_is_shown(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("a.jpg", jpeg(seed=1)), ("b.jpg", jpeg(seed=2)))
    app.selectbox(key="photo_choice").set_value([*album(app).photos][1]).run()
    asked = api.count("/compare")
    again = reload(app)
    assert not again.exception
    assert box(again) == "b.jpg"
    assert "All 2 photos are segmented" in texts(again.caption)
    assert api.count("/compare") == asked


def test_a_reload_in_the_middle_of_a_batch_goes_on_and_a_cancelled_one_stays_cancelled(
    open_page: OpenPage, api: FakeApi
) -> None:
    app = upload(open_page("segment"), ("a.jpg", jpeg(seed=1)))
    album(app).add("b.jpg", jpeg(seed=2))
    again = reload(app)
    assert "All 2 photos are segmented" in texts(again.caption)
    album(app).add("c.jpg", jpeg(seed=3))
    album(app).batch_stopped = True
    assert "2 of 3 photos segmented; the rest was cancelled" in texts(reload(app).caption)


def test_an_address_whose_photos_are_gone_says_so_once(open_page: OpenPage) -> None:
    open_page("segment")
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["photos"] = "gone"
    assert "The photos of this address are gone" in texts(app.run().info)
    assert not app.run().info
    assert not app.query_params


def test_where_photos_are_kept_and_how_long_is_said(open_page: OpenPage) -> None:
    assert "at most 60 minutes after you have left" in texts(open_page("segment").caption)


def test_nothing_of_an_upload_stays_in_streamlit(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[str] = []
    monkeypatch.setattr("front.photos.add.let_go", lambda files: dropped.extend(file.name for file in files))
    upload(open_page("segment"), ("a.jpg", jpeg(seed=1)), ("b.jpg", jpeg(seed=2)))
    assert dropped == ["a.jpg", "b.jpg"]
