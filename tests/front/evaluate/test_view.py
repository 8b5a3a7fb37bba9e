"""The Evaluate page: from photos with labels to the pictures behind every number, and all that may come between."""

import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from front.evaluate.wanted import Cell, in_order, pixels_in, slices_of
from tests.front.conftest import OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_evaluations import PICTURES, result_for


def texts(elements: object) -> str:
    return " ".join(str(element.value) for element in elements)  # type: ignore[attr-defined]


def press(app: AppTest, label: str) -> AppTest:
    app = next(b for b in app.button if b.label == label).click().run()
    assert not app.exception, app.exception
    return app


def choose_folder(app: AppTest, api: FakeApi) -> AppTest:
    app.selectbox(key="evaluation-folder-0").set_value("camvid").run()
    assert not app.exception, app.exception
    return app


@pytest.fixture
def held(open_page: OpenPage, api: FakeApi) -> AppTest:
    """The page with a folder that was looked at."""
    api.evaluations.folders = [".", "camvid"]
    return choose_folder(open_page("evaluate"), api)


@pytest.fixture
def done(held: AppTest, api: FakeApi) -> AppTest:
    """… and scored by two models."""
    held.selectbox(key="evaluate-b-evaluation-1").set_value("segformer").run()
    press(held, "Evaluate")
    api.evaluations.finish("evaluation-1")
    held.run()
    assert not held.exception, held.exception
    return held


def test_many_files_go_to_the_api_as_one_zip_and_what_it_found_is_shown(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("evaluate")
    assert app.selectbox[0].disabled, "there is no folder"
    photo = jpeg()
    app.file_uploader[0].set_value([("a.jpg", photo, "image/jpeg"), ("a.png", b"label", "image/png")]).run()
    assert not app.exception, app.exception
    with zipfile.ZipFile(io.BytesIO(api.evaluations.sent[0])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.jpg": photo, "a.png": b"label"}
    assert app.query_params["evaluation"] == "evaluation-1"
    assert f"**{PICTURES} photos with labels.**" in texts(app.success)
    assert "1 photos have no label" in texts(app.success)


def test_a_zip_goes_as_it_is_and_a_refusal_is_told(open_page: OpenPage, api: FakeApi) -> None:
    api.evaluations.refusal = (400, "No photo has a label (1 photos, 0 labels).")
    app = open_page("evaluate")
    app.file_uploader[0].set_value([("set.zip", b"PK\x03\x04", "application/zip")]).run()
    assert "No photo has a label" in texts(app.error)
    asked = api.count("/evaluations")
    api.evaluations.refusal = None
    app.run()
    assert not app.error
    assert api.count("/evaluations") == asked, "it is not sent again with every run"
    app.file_uploader[0].set_value([("set.zip", b"PK\x03\x04", "application/zip")]).run()
    assert api.evaluations.sent == [b"PK\x03\x04"]


def test_the_guess_can_be_changed_before_it_begins(held: AppTest, api: FakeApi) -> None:
    kind = held.selectbox(key="evaluate-kind-evaluation-1")
    assert kind.value == "street8"
    kind.set_value("camvid11").run()
    held.selectbox(key="evaluate-split-evaluation-1").set_value("val").run()
    held.toggle(key="evaluate-clips-evaluation-1").set_value(True).run()
    press(held, "Evaluate")
    assert api.evaluations.queries == [
        {"model": "deeplabv3plus", "hold": "True", "folder": "camvid"},
        {"model": "deeplabv3plus", "label_kind": "camvid11", "split": "val", "clips": "none"},
    ]
    assert len(held.get("progress")) == 1
    press(held, "Cancel")
    assert api.evaluations.jobs == {}
    assert "Cancelled" in texts(held.info)


def test_scores_the_worst_pictures_and_what_was_left_out_are_shown(done: AppTest) -> None:
    metrics = {metric.label: metric.value for metric in done.metric}
    wrong = 100 * sum(range(PICTURES)) / (8000 * PICTURES)
    assert metrics["Pixels right, DeepLabV3+"] == f"{100 - 100 * wrong:.1f} %"
    assert "mIoU, SegFormer" in metrics
    assert "1 of 9 photos could not be scored" in texts(done.warning)
    opened = [b for b in done.button if str(b.key).startswith("open-")]
    assert [(b.key, b.label) for b in opened[:3]] == [("open-7", "8.8 %"), ("open-6", "7.5 %"), ("open-5", "6.2 %")]
    assert "h\\_street" in texts(done.caption) or "h_street" in texts(done.caption)
    opened[2].click().run()
    assert not done.exception
    assert "f_street · 48 × 24 pixels · brightness 0.50 · weather rain" in texts(done.caption)


def test_pictures_are_sorted_by_what_is_chosen_and_those_of_a_slice_alone(done: AppTest) -> None:
    done.segmented_control(key="evaluation_order").set_value("Sure and wrong, SegFormer").run()
    assert next(b.key for b in done.button if str(b.key).startswith("open-")) == "open-0"
    done.selectbox(key="evaluation_slice").set_value("weather: rain").run()
    assert [b.key for b in done.button if str(b.key).startswith("open-")] == ["open-1", "open-3", "open-5", "open-7"]
    press(done, "Show all pictures")
    assert len([b for b in done.button if str(b.key).startswith("open-")]) == 6


def test_slices_have_scores_and_differences(done: AppTest) -> None:
    done.selectbox(key="evaluation_cut").set_value("weather").run()
    table = done.dataframe[-1].value
    assert list(table["Slice"]) == ["rain", "sun"]
    assert list(table["Photos"]) == [4, 4]


def test_of_a_cell_the_pictures_with_most_of_it_come_first() -> None:
    result = result_for(["a", "b"])
    cell = Cell("job", 1, 6, 2)
    shown = in_order(result["pictures"], lambda one: one["disagreement"], cell, None)
    assert [one["number"] for one in shown] == [7, 6, 5, 4, 3, 2, 1]
    assert pixels_in(shown[0], cell) == 700
    assert in_order(result["pictures"], lambda one: 0.0, Cell("job", 0, 3, 4), None) == []
    assert slices_of(result)["weather: sun"] == [0, 2, 4, 6]


def test_a_pressed_cell_shows_its_pictures(done: AppTest) -> None:
    done.session_state["evaluation_cell"] = Cell("evaluation-1", 0, 0, 1)  # as `want_cell` does
    done.run()
    assert not done.exception
    assert [b.key for b in done.button if str(b.key).startswith("open-")][:2] == ["open-7", "open-6"]
    press(done, "Show all pictures")
    assert "evaluation_cell" not in done.session_state


def test_it_can_be_evaluated_again_and_deleted(done: AppTest, api: FakeApi) -> None:
    press(done, "Evaluate")
    assert api.evaluations.jobs["evaluation-1"]["state"] == "queued"
    api.evaluations.finish("evaluation-1")
    press(done.run(), "Delete photos and results")
    assert api.evaluations.jobs == {}


def test_an_evaluation_that_is_gone_or_failed_is_told(held: AppTest, api: FakeApi) -> None:
    press(held, "Evaluate")
    api.evaluations.jobs["evaluation-1"] |= {"state": "failed", "error": "The service failed.", "files": {}}
    held.run()
    assert "It did not finish: The service failed." in texts(held.error)
    assert [b.label for b in held.button].count("Evaluate") == 1, "the photos are there still"
    api.evaluations.jobs.clear()
    held.run()
    assert "no longer there" in texts(held.info)
    assert held.file_uploader
