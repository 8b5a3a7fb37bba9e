"""The Segment page: from a photo to class maps, and what it does when the API does not answer."""

import base64
import io
from typing import Any

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from front.api.models import prediction_cache
from front.api.predictions import ModelRef, cached_answers
from front.photos.album import Album
from front.viewer import canvas
from tests.front import fake_api
from tests.front.conftest import OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import labels_of, prediction_of
from tests.front.fake_records import MODELS, entry_of


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    return app.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files]).run()


def album(app: AppTest) -> Album:
    kept: Album = app.session_state["album"]
    return kept


def texts(elements: object) -> str:
    return " ".join(str(element.value) for element in elements)  # type: ignore[attr-defined]


def press(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label == label).click().run()


def test_it_starts_with_a_place_for_photos_and_samples(open_page: OpenPage) -> None:
    app = open_page("segment")
    assert app.title[0].value == "Segment"
    assert len(app.file_uploader) == 1
    assert {"Sunny street", "Evening street"} <= {b.label for b in app.button}
    assert not app.subheader


def test_an_uploaded_photo_is_segmented_by_both_models_in_one_call(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    assert not app.exception
    assert api.count("/compare") == 1
    assert [s.value for s in app.subheader] == ["Share of the photo", "Latency", "Downloads"]
    assert "street.jpg · 120 × 60 pixels" in texts(app.caption)
    assert album(app).current is not None


def test_a_sample_works_like_an_upload(open_page: OpenPage) -> None:
    app = open_page("segment")
    next(b for b in app.button if b.label == "Sunny street").click().run()
    assert not app.exception
    assert "sunny-street.jpg · 1280 × 640" in texts(app.caption)


def test_the_camera_works_like_an_upload(open_page: OpenPage) -> None:
    app = open_page("segment")
    app.segmented_control(key="photo_source").set_value("Camera").run()
    app.camera_input[0].set_value(("shot.jpg", jpeg(), "image/jpeg")).run()
    assert "camera-1.jpg" in texts(app.caption)


def test_leaving_out_a_model_asks_for_nothing_new(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    app.pills(key="models").set_value(["segformer"]).run()
    assert not app.exception
    assert api.count("/compare") == 1
    app.pills(key="models").set_value([]).run()
    assert "Choose at least one model" in texts(app.info)


def test_the_palette_changes_without_a_call(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    app.toggle(key="safe_palette").set_value(True).run()
    assert not app.exception
    assert api.count("/compare") == 1


def test_a_file_that_is_no_image_is_named_and_the_others_are_kept(open_page: OpenPage) -> None:
    app = upload(open_page("segment"), ("notes.jpg", b"hello"), ("street.jpg", jpeg()))
    assert "notes.jpg is not an image" in texts(app.error)
    assert [p.name for p in album(app).photos.values()] == ["street.jpg"]
    app.run()
    assert not app.error


def test_several_photos_are_all_segmented_and_listed(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), *((f"p{i}.jpg", jpeg(seed=i)) for i in range(3)))
    assert api.count("/compare") == 3
    assert "All photos" in [s.value for s in app.subheader]
    table = app.dataframe[0].value
    assert list(table["Photo"]) == ["p0.jpg", "p0.jpg", "p1.jpg", "p1.jpg", "p2.jpg", "p2.jpg"]
    assert table.loc[0, "road":"background"].sum() == pytest.approx(100)  # type: ignore[misc]


def test_a_cancelled_batch_keeps_what_is_there_and_can_go_on(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("segment")
    for i in range(3):
        album(app).add(f"p{i}.jpg", jpeg(seed=i))
    album(app).batch_stopped = True
    app.run()
    assert api.count("/compare") == 1  # the photo looked at, no other
    assert "1 of 3 photos segmented" in texts(app.caption)
    next(b for b in app.button if b.label == "Continue").click().run()
    assert api.count("/compare") == 3


def test_a_photo_that_the_api_refuses_does_not_stop_the_others(open_page: OpenPage, api: FakeApi) -> None:
    api.max_pixels = 10_000
    app = upload(open_page("segment"), ("huge.jpg", jpeg(200, 400)), ("street.jpg", jpeg()))
    assert "send one of at most 10000" in texts(app.error)
    assert album(app).current is not None
    assert "street.jpg" in set(app.dataframe[0].value["Photo"].dropna())


def test_the_table_says_of_every_photo_whether_it_is_segmented_and_the_page_says_why_not(
    open_page: OpenPage, api: FakeApi
) -> None:
    api.max_pixels = 10_000
    app = upload(open_page("segment"), ("street.jpg", jpeg()), ("huge.jpg", jpeg(200, 400)))
    table = app.dataframe[0].value
    assert list(table.columns[:4]) == ["Photo", "Model", "State", "road"]
    assert list(table["State"]) == ["segmented"] * 2 + ["refused"] * 2
    assert table["Model"].tolist() == ["DeepLabV3+", "SegFormer"] * 2
    assert app.dataframe[0].proto.placeholder == "—"  # and no "None" where there is no number
    assert [e.value for e in app.error] == [
        "**huge.jpg** was refused: The photo has 80000 pixels; send one of at most 10000."
    ]


def test_a_photo_refused_for_itself_is_not_sent_again(open_page: OpenPage, api: FakeApi) -> None:
    api.max_pixels = 10_000
    app = upload(open_page("segment"), ("street.jpg", jpeg()), ("huge.jpg", jpeg(200, 400)))
    sent = api.count("/compare")
    app.pills(key="models").set_value(["segformer"]).run()
    assert "send one of at most 10000" in texts(app.error)
    assert api.count("/compare") == sent


def refuse(api: FakeApi, monkeypatch: pytest.MonkeyPatch, model: str, status: int) -> None:
    """From now on photos are refused when this model is among those asked."""
    real = api.answer

    def refusing(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        asked = query.get("models", "").split(",")
        return (status, f"{model} cannot be asked.") if model in asked else real(path, query, files)

    monkeypatch.setattr(api, "answer", refusing)


@pytest.mark.parametrize("status", [403, 404, 422])
def test_photos_refused_for_a_chosen_model_are_tried_anew_with_others(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    app = open_page("segment")
    refuse(api, monkeypatch, "segformer", status)
    upload(app, ("a.jpg", jpeg(seed=1)), ("b.jpg", jpeg(seed=2)))
    assert "segformer cannot be asked" in texts(app.error) + texts(app.warning)
    assert "a.jpg**" not in texts(app.error)  # the photo is not to blame
    app.pills(key="models").set_value(["deeplabv3plus"]).run()
    assert not app.error
    assert "All 2 photos are segmented" in texts(app.caption)
    assert list(app.dataframe[0].value["Photo"]) == ["a.jpg", "b.jpg"]
    assert "State" not in app.dataframe[0].value


def test_a_model_that_left_the_registry_is_left_out_without_anybody_s_help(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("a.jpg", jpeg(seed=1)))
    api.models = ("deeplabv3plus",)  # the page still has the list of before
    upload(app, ("b.jpg", jpeg(seed=2)))
    assert "This model is no longer available" in texts(app.warning)
    assert "Waiting to try again" in texts(app.caption)
    st.cache_data.clear()  # the list is a few seconds old
    app.run()  # as the page does by itself
    assert not app.warning
    assert not app.error
    assert app.pills(key="models").value == ["deeplabv3plus"]
    assert "All 2 photos are segmented" in texts(app.caption)


@pytest.mark.parametrize(
    ("mode", "words"),
    [("starting", "getting ready"), ("error", "met an error"), ("broken", "not what this dashboard expects")],
)
def test_a_failure_says_which_and_the_photo_stays(open_page: OpenPage, api: FakeApi, mode: str, words: str) -> None:
    app = open_page("segment")
    api.mode = mode  # type: ignore[assignment]
    upload(app, ("street.jpg", jpeg()))
    assert not app.exception
    assert words in texts(app.warning) + texts(app.error)
    assert [p.name for p in album(app).photos.values()] == ["street.jpg"]
    api.mode = "ok"
    app.run()
    assert not app.warning
    assert not app.error
    assert "Latency" in [s.value for s in app.subheader]


def test_a_busy_api_is_asked_again_after_the_time_it_named(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("segment")
    api.mode = "busy"
    upload(app, ("street.jpg", jpeg()))
    assert "busy" in texts(app.warning)
    assert "asks to wait 1 s" in texts(app.warning)
    api.mode = "ok"
    app.run()
    assert not app.warning


def test_a_model_that_cannot_be_served_is_named(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fake_api.entry_of

    def broken(model: str, version: str) -> dict[str, object]:
        entry = real(model, version)
        return entry | {"ready": False, "error": "its sha256 differs"} if model == "segformer" else entry

    monkeypatch.setattr(fake_api, "entry_of", broken)
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    assert "its sha256 differs" in texts(app.warning)
    assert app.pills(key="models").options == ["DeepLabV3+"]


@pytest.mark.parametrize("page", ["segment", "compare"])
def test_a_photo_that_models_do_not_know_is_told_in_a_sentence(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    def told(strange: set[str]) -> str:
        monkeypatch.setattr(
            fake_api,
            "prediction_of",
            lambda name, *args: prediction_of(name, *args) | {"unfamiliar": name in strange},
        )
        return texts(upload(open_page(page), ("street.jpg", jpeg(seed=len(strange)))).warning)

    assert "unlike the streets" not in told(set())
    assert "This photo is unlike the streets that SegFormer learnt from: much of" in told({"segformer"})
    assert "streets that DeepLabV3+ and SegFormer learnt from" in told({"segformer", "deeplabv3plus"})


def test_a_label_is_a_layer_and_each_model_s_score_stands_beside_it(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(canvas, "_mount", lambda *, data, **_: shown.append(data))
    photo, out = jpeg(80, 160), io.BytesIO()
    Image.fromarray(labels_of(photo, "segformer")).save(out, "PNG")
    app = upload(open_page("segment"), ("street.jpg", photo))
    assert "errors" not in shown[-1]["views"]
    app.file_uploader[-1].set_value(("label.png", out.getvalue(), "image/png")).run()
    assert not app.exception, app.exception
    assert [layer["title"] for layer in shown[-1]["layers"]] == ["DeepLabV3+", "SegFormer", "Label"]
    assert [layer["truth"] for layer in shown[-1]["layers"]] == [False, False, True]
    assert shown[-1]["layers"][1]["note"] == "mIoU 100.0 %"
    assert base64.b64decode(shown[-1]["layers"][2]["base64"]) == base64.b64decode(shown[-1]["layers"][1]["base64"])
    assert "errors" in shown[-1]["views"]
    corrected = {"model": "segformer", "runs": [0, 5, 1]}
    album(app).corrections[next(key for key in correction_keys(app) if "segformer" in key)] = tuple(corrected["runs"])
    app.run()
    assert shown[-1]["layers"][1]["kept"] == [0, 5, 1]
    assert "SegFormer corrected" in [button.label for button in app.download_button]


def correction_keys(app: AppTest) -> list[tuple[str, ...]]:
    """Under which the album keeps what was corrected of each model's map."""
    photo = album(app).current
    assert photo is not None
    answers = cached_answers(prediction_cache(), photo, [ModelRef.of(entry_of(model, "1")) for model in MODELS])
    return [(photo.sha, one.model, one.version, one.sha256) for one in answers.values()]


def test_comparing_what_was_segmented_asks_the_api_for_nothing(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("segment"), ("street.jpg", jpeg()))
    app.switch_page("compare/view.py").run()
    assert [m.label for m in app.metric] == ["Same class", "Different class"]
    app.selectbox(key="model_a").set_value("segformer").run()
    assert not app.exception
    assert api.count("/compare") == 1
