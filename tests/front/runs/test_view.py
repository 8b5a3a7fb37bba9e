"""The Runs page: curves of chosen runs with a sentence each, and the parameters that differ."""

import re

import streamlit as st

from front.runs.metric_info import METRICS
from tests.front.conftest import OpenPage
from tests.front.fake_api import FakeApi
from tests.front.fake_records import run_of
from tests.front.segment.test_view import texts


def test_the_registered_runs_are_drawn_from_the_start(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("runs")
    assert api.count("/runs/run-") == 2
    assert list(app.dataframe[0].value["mIoU"].round(1)) == [67.5, 63.2]
    titles = [s.value for s in app.subheader]
    assert titles[:6] == [
        "Validation mIoU",
        "Validation pixel accuracy",
        "Training loss",
        "Validation loss",
        "Training speed",
        "Learning rate",
    ]
    assert METRICS["val_miou"].reading in texts(app.caption)


def test_a_run_that_starts_meanwhile_does_not_change_which_are_chosen(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("runs")
    api.runs.insert(0, run_of("newcomer") | {"model": None, "version": None})
    st.cache_data.clear()
    app.run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 3
    assert api.count("/runs/run-newcomer") == 0
    assert list(app.dataframe[1].value.columns) == ["Parameter", "deeplabv3plus scenes", "segformer scenes"]


def test_a_list_that_is_cut_says_so(open_page: OpenPage, api: FakeApi) -> None:
    assert "newest runs" not in texts(open_page("runs").caption)
    api.runs += [run_of(f"old-{i}") for i in range(250)]
    st.cache_data.clear()
    app = open_page("runs")
    assert len(app.dataframe[0].value) == 200
    assert "These are the 200 newest runs" in texts(app.caption)


def test_more_curves_can_be_chosen(open_page: OpenPage) -> None:
    app = open_page("runs")
    app.multiselect(key="extra_metrics").set_value(["val_iou_road"]).run()
    assert not app.exception
    assert "Validation IoU of road" in [s.value for s in app.subheader]


def test_parameters_that_differ_come_first_and_are_counted(open_page: OpenPage) -> None:
    app = open_page("runs")
    assert "2 differ and are marked; 2 are the same" in texts(app.caption)
    assert list(app.dataframe[1].value["Parameter"]) == ["architecture", "learning_rate", "epochs", "seed"]


def test_no_run_says_what_to_do(open_page: OpenPage, api: FakeApi) -> None:
    api.answer = lambda *_: {"runs": [], "models": []}  # type: ignore[method-assign]
    assert "There is no run yet" in texts(open_page("runs").info)


def test_links_lead_to_mlflow_s_view_for_training(open_page: OpenPage) -> None:
    app = open_page("runs")
    (button,) = app.get("link_button")
    assert button.proto.url == "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
    links = re.findall(r'href="([^"]+)"', " ".join(element.proto.body for element in app.get("html")))
    assert links == [
        f"http://127.0.0.1:5000/#/experiments/1/runs/run-{model}?workflowType=machine_learning"
        for model in ("deeplabv3plus", "segformer")
    ]


def test_pictures_of_two_runs_stand_side_by_side_at_the_epoch_of_the_slider(
    open_page: OpenPage, api: FakeApi
) -> None:
    api.panels = {"deeplabv3plus": [1, 2, 5], "segformer": [1, 3, 9]}
    app = open_page("runs")
    slider = app.select_slider(key="panel_epoch")
    assert (list(slider.options), slider.value) == (["1", "2", "3", "5", "9"], 9)
    app.select_slider(key="panel_epoch").set_value(3).run()
    assert not app.exception
    titles = [m.value for m in app.markdown]
    assert [title for title in titles if "epoch" in title or title in ("**Photos**", "**Labels**")] == [
        "**Photos**",
        "**Labels**",
        "**deeplabv3plus scenes, epoch 2**",
        "**segformer scenes, epoch 3**",
    ]
    assert len(app.get("image")) == 4


def test_runs_without_pictures_are_told_so(open_page: OpenPage) -> None:
    assert "kept no pictures" in texts(open_page("runs").caption)
