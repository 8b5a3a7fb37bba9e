"""The Video page: from a clip to its results, and all that may come between."""

import io
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from front.api.client import ApiClient
from front.api.errors import ApiError
from front.video import films, player
from front.video.intake import Wishes, start
from tests.front.conftest import OpenPage
from tests.front.fake_api import FakeApi
from tests.front.fake_jobs import OVERLAY


def texts(elements: object) -> str:
    return " ".join(str(element.value) for element in elements)  # type: ignore[attr-defined]


def press(app: AppTest, label: str) -> AppTest:
    app = next(b for b in app.button if b.label == label).click().run()
    assert not app.exception, app.exception
    return app


def drop(app: AppTest, *, both: bool = True) -> AppTest:
    """Give a clip and start its jobs."""
    app.file_uploader[0].set_value([("my drive.mp4", OVERLAY, "video/mp4")]).run()
    if both:
        app.selectbox(key="video_b").set_value("segformer").run()
    return press(app, "Label the clip with both models" if both else "Label the clip")


def test_it_starts_with_a_place_for_a_clip_and_no_job(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("video")
    assert app.title[0].value == "Video"
    assert next(b for b in app.button if b.label == "Label the clip").disabled
    assert api.count("/jobs") == 0
    assert "job" not in app.query_params


def test_a_clip_becomes_a_job_for_each_model_as_it_was_asked(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("video")
    app.slider(key="video_opacity").set_value(70).run()
    app.toggle(key="video_smooth").set_value(True).run()
    app.number_input(key="video_every").set_value(3).run()
    drop(app)
    assert api.clips.clips == [OVERLAY, OVERLAY]
    assert api.clips.queries == [
        {"model": model, "every": "3", "smooth": "True", "opacity": "0.7", "classes": "zip"}
        for model in ("deeplabv3plus", "segformer")
    ]
    assert app.query_params["job"] == ["job-1", "job-2"]
    assert "my drive.mp4 · 96 × 48 pixels · 0:04.0 · 40 frames · H.264" in texts(app.caption)


def test_progress_is_told_and_results_come_when_it_is_done(open_page: OpenPage, api: FakeApi) -> None:
    app = drop(open_page("video"), both=False)
    api.clips.run("job-1")
    app.run()
    (bar,) = app.get("progress")
    assert (bar.proto.value, bar.proto.text) == (25, "**DeepLabV3+**: 25% · 12.5 images/s · 2 s left")
    api.clips.finish("job-1")
    app.run()
    assert not app.exception
    assert not app.get("progress")
    assert [b.label for b in app.download_button] == [
        "DeepLabV3+ overlay",
        "DeepLabV3+ class maps",
        "DeepLabV3+ shares",
    ]
    assert app.session_state["video_downloads"]["/jobs/job-1/classes.zip"].name == (
        "my drive_deeplabv3plus_classes.zip"
    )
    asked = len(api.calls)
    app.run()
    assert not [call for call in api.calls[asked:] if call.startswith("/jobs/job-1/")], "its files are asked for once"


def test_what_is_done_can_be_watched_while_the_rest_is_made(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(player, "_mount", lambda *, data, **_: shown.append(data))
    app = drop(open_page("video"), both=False)
    api.clips.run("job-1")
    api.clips.jobs["job-1"]["files"]["growing"] = "/jobs/job-1/growing.mp4"
    app.run()
    assert not shown, "nothing is fetched before somebody wants it"
    press(app, "Play what is done so far")
    assert [film["title"] for film in shown[-1]["films"]] == ["DeepLabV3+"]
    assert "The first 10 frames, without sound." in texts(app.caption)
    assert next(b for b in app.button if b.label == "Go on to what is done by now").disabled
    api.clips.jobs["job-1"]["frames"] = 20
    app.run()
    asked = api.count("/jobs/job-1/growing.mp4")
    press(app, "Go on to what is done by now")
    assert api.count("/jobs/job-1/growing.mp4") == asked + 1 == 2
    assert "The first 20 frames" in texts(app.caption)
    api.clips.finish("job-1")
    app.run()
    assert [film["title"] for film in shown[-1]["films"]] == ["Original", "DeepLabV3+"]


def test_the_address_leads_back_to_the_jobs_of_another_session(open_page: OpenPage, api: FakeApi) -> None:
    drop(open_page("video"))
    api.clips.run("job-1")
    app = open_page("segment")
    app.query_params["job"] = ["job-1", "job-2"]
    app.switch_page("video/view.py").run()
    assert [bar.proto.value for bar in app.get("progress")] == [25, 0]
    app.switch_page("segment/view.py").run()
    app.query_params.clear()
    app.switch_page("video/view.py").run()
    assert app.query_params["job"] == ["job-1", "job-2"], "as links between pages leave it out"


def test_cancelling_deletes_both_jobs_and_leads_back_to_the_form(open_page: OpenPage, api: FakeApi) -> None:
    app = press(drop(open_page("video")), "Cancel")
    assert api.clips.jobs == {}
    assert "Cancelled" in texts(app.info)
    assert app.file_uploader
    assert "job" not in app.query_params


def test_results_are_deleted_on_request(open_page: OpenPage, api: FakeApi) -> None:
    app = drop(open_page("video"), both=False)
    api.clips.finish("job-1")
    app = press(app.run(), "Delete clip and results")
    assert api.clips.jobs == {}
    assert "are deleted" in texts(app.info)


def test_another_clip_leaves_the_jobs_alone(open_page: OpenPage, api: FakeApi) -> None:
    app = press(drop(open_page("video")), "Another clip")
    assert set(api.clips.jobs) == {"job-1", "job-2"}
    assert app.file_uploader


def test_a_clip_that_was_cleaned_up_is_told_and_the_form_is_there(open_page: OpenPage, api: FakeApi) -> None:
    app = drop(open_page("video"))
    api.clips.jobs.clear()
    app.run()
    assert "no longer there" in texts(app.info)
    assert app.file_uploader
    assert not app.run().info


def test_where_one_of_two_is_gone_the_other_is_shown(open_page: OpenPage, api: FakeApi) -> None:
    app = drop(open_page("video"))
    del api.clips.jobs["job-1"]
    api.clips.finish("job-2")
    app.run()
    assert "one of the two models" in texts(app.info)
    assert app.download_button[0].label == "SegFormer overlay"
    assert app.query_params["job"] == "job-2"


def test_a_job_that_failed_says_why(open_page: OpenPage, api: FakeApi) -> None:
    app = drop(open_page("video"), both=False)
    api.clips.fail("job-1", "The service failed on this clip; its log says why.")
    app.run()
    assert texts(app.error) == "**DeepLabV3+** did not finish: The service failed on this clip; its log says why."
    assert not app.download_button


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (413, "The clip is longer than the 10 minutes allowed; send a part of it."),
        (415, "The clip is no MP4, MOV, WEBM or MKV file; convert it."),
        (400, "The clip cannot be opened; it is damaged."),
    ],
)
def test_a_clip_that_is_refused_says_why(open_page: OpenPage, api: FakeApi, status: int, sentence: str) -> None:
    api.clips.refusal = (status, sentence)
    app = drop(open_page("video"))
    assert texts(app.error) == f"**my drive.mp4** was refused: {sentence}"
    assert app.file_uploader


def test_a_second_job_that_cannot_begin_leaves_no_first_behind(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = Wishes(("deeplabv3plus", "segformer"), 0.5, False, 1, "zip")
    real = api.clips.add
    monkeypatch.setattr(
        api.clips, "add", lambda q, c: (503, "16 clips wait.") if q["model"] == "segformer" else real(q, c)
    )
    with pytest.raises(ApiError, match="16 clips wait"):
        start(ApiClient(api.url), io.BytesIO(OVERLAY), wishes)
    assert len(api.clips.queries) == 1
    assert api.clips.jobs == {}


def test_without_an_api_it_says_so_and_goes_on_when_it_is_back(open_page: OpenPage, api: FakeApi) -> None:
    app = drop(open_page("video"))
    api.mode = "proxied"
    app.run()
    assert not app.exception
    assert "The API does not answer" in texts(app.warning)
    api.mode = "ok"
    app.run()
    assert len(app.get("progress")) == 2


def test_a_film_too_large_to_be_played_is_told_with_the_way_to_it(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = drop(open_page("video"), both=False)
    api.clips.finish("job-1")
    real = api.clips.answer
    monkeypatch.setattr(films, "FILM_BYTES", 8000)
    monkeypatch.setattr(
        api.clips, "answer", lambda m, p: OVERLAY + bytes(9000) if p.endswith("overlay.mp4") else real(m, p)
    )
    app.run()
    assert not app.exception
    assert f"curl -O {api.url}/jobs/job-1/overlay.mp4" in texts(app.info)
    assert len(app.download_button) == 3
