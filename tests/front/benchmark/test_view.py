"""The Benchmark page: its table, differences, and what it says when there is little to show."""

from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from front.viewer import canvas
from tests.front import fake_api, fake_records
from tests.front.conftest import OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.segment.test_view import texts


def test_every_model_is_in_the_table_with_its_numbers(open_page: OpenPage) -> None:
    app = open_page("benchmark")
    table = app.dataframe[0].value.set_index("Model")
    assert list(table.index) == ["DeepLabV3+", "SegFormer"]
    expected = 100 * fake_records.entry_of("segformer", "1")["metrics"]["miou_7"]
    assert table.loc["SegFormer", "mIoU, 7 classes"] == pytest.approx(expected)
    assert {"Boundary IoU", "Calibration error", "Latency p50", "Version"} <= set(table.columns)
    assert "All were measured on scenes val, 12 images" in texts(app.caption)
    assert "intersection over union" in texts(app.caption), "what mIoU is stands where it is first shown"
    app.segmented_control(key="benchmark_columns").set_value("Speed and size").run()
    speed = app.dataframe[0].value.set_index("Model")
    assert list(speed.loc["SegFormer"][["Images per second", "Multiply-adds", "Peak memory"]]) == pytest.approx(
        [1000 / 92, 9.0, 700.0]
    )
    assert "All were timed with a 960x720 JPEG on AMD EPYC, 2 cores, openvino bf16." in texts(app.caption)
    app.segmented_control(key="benchmark_columns").set_value("IoU by class").run()
    by_class = app.dataframe[0].value.set_index("Model")
    expected = 100 * fake_records.entry_of("segformer", "1")["metrics"]["class_iou"]["pedestrian"]
    assert by_class.loc["SegFormer", "IoU pedestrian"] == pytest.approx(expected)
    assert list(by_class.columns) == ["Version", *(f"IoU {name}" for name in fake_records.NAMES)]


def test_models_measured_on_different_images_say_so_in_the_table(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fake_api.entry_of

    def on_its_own(model: str, version: str) -> dict[str, object]:
        entry = real(model, version)
        return entry | {"metrics": entry["metrics"] | {"dataset": model}}

    monkeypatch.setattr(fake_api, "entry_of", on_its_own)
    app = open_page("benchmark")
    assert list(app.dataframe[0].value["Data"]) == ["deeplabv3plus val, 12 images", "segformer val, 12 images"]
    assert "All were measured" not in texts(app.caption)


def test_the_sections_are_there(open_page: OpenPage) -> None:
    app = open_page("benchmark")
    assert [s.value for s in app.subheader] == [
        "IoU by class",
        "Is one really better?",
        "Accuracy against time",
        "Confusion matrix",
        "Image by image",
    ]
    assert "SegFormer is better on mean" in texts(app.markdown)


def test_the_worst_images_are_named_worst_first(open_page: OpenPage) -> None:
    worst = open_page("benchmark").dataframe[1].value
    assert len(worst) == 10
    assert worst["mIoU"][:5].is_monotonic_increasing


def pictures(app: AppTest) -> list[tuple[str, str]]:
    """(caption, alt text) of every picture."""
    return [(image.caption, image.alt) for element in app.get("image") for image in element.proto.imgs]


def test_without_a_data_set_beside_the_api_the_names_stand_alone(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("benchmark")
    assert not pictures(app)
    assert api.count("/images") == 0


def test_the_worst_images_are_shown_with_alt_text(open_page: OpenPage, api: FakeApi) -> None:
    api.pictures = {f"scene_{i:03}": jpeg() for i in range(12)}
    app = open_page("benchmark")
    shown = pictures(app)
    assert len(shown) == 10
    names = list(app.dataframe[1].value["Image"])
    assert [caption.split(":")[0] for caption, _ in shown] == names
    assert all(name in alt and "% mIoU" in alt for name, (_, alt) in zip(names, shown, strict=True))


def test_a_worst_image_opens_as_photo_truth_and_prediction(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(canvas, "_mount", lambda *, data, **_: shown.append(data))
    api.pictures = {f"scene_{i:03}": jpeg() for i in range(12)}
    app = open_page("benchmark")
    assert api.count("/images/layers") == 0, "nothing is asked of a model before somebody wants it"
    image = app.dataframe[1].value.query("Model == 'SegFormer'")["Image"].iloc[0]
    app.button(key=f"open-segformer-{image}").click().run()
    assert not app.exception, app.exception
    assert api.count(f"/images/layers?model=segformer&name={image}") == 1
    assert f"{image} · 120 × 60 pixels" in texts(app.caption)
    assert [(one["title"], one["truth"]) for one in shown[-1]["layers"]] == [("Truth", True), ("SegFormer", False)]
    assert "% wrong" in shown[-1]["layers"][1]["note"]
    app.button(key=f"open-segformer-{image}").click().run()
    assert f"{image} · 120 × 60 pixels" not in texts(app.caption), "pressed again it is closed"


def test_a_data_set_without_these_images_leaves_the_names(open_page: OpenPage, api: FakeApi) -> None:
    api.pictures = {"another": jpeg()}
    app = open_page("benchmark")
    assert not pictures(app)
    assert "No pictures for SegFormer: STREETSEG_DATASET_DIR holds no picture" in texts(app.caption)
    assert len(app.dataframe[1].value) == 10


def test_charts_show_the_chosen_models_and_the_table_all(open_page: OpenPage) -> None:
    app = open_page("benchmark")
    assert app.pills(key="benchmark_models").value == ["deeplabv3plus", "segformer"]
    app.pills(key="benchmark_models").set_value(["segformer"]).run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 2
    assert set(app.dataframe[1].value["Model"]) == {"SegFormer"}
    assert "Is one really better?" not in [s.value for s in app.subheader]
    app.pills(key="benchmark_models").set_value([]).run()
    assert "Choose at least one model" in texts(app.info)


def test_a_model_registered_later_joins_the_charts(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("benchmark")
    app.pills(key="benchmark_models").set_value(["segformer"]).run()
    api.models = (*api.models, "mask2former")
    st.cache_data.clear()
    app.run()
    assert not app.exception
    assert app.pills(key="benchmark_models").value == ["segformer", "mask2former"]


def test_every_chart_says_what_it_shows(open_page: OpenPage) -> None:
    alts = [element.proto.alt for element in open_page("benchmark").get("plotly_chart")]
    assert len(alts) == 5
    for words in ("SegFormer: road", "Most often:", "half above", "in 92 ms", "Differences in IoU"):
        assert sum(words in alt for alt in alts) == 1, words


def test_two_models_that_cannot_be_subtracted_say_why(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = api.answer

    def refusing(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        reason = "The reports of deeplabv3plus and segformer list different images."
        return (409, reason) if path == "/differences" else real(path, query, files)

    monkeypatch.setattr(api, "answer", refusing)
    app = open_page("benchmark")
    assert "DeepLabV3+ and SegFormer cannot be subtracted: The reports of" in texts(app.info)
    assert "Image by image" in [s.value for s in app.subheader]


def test_intervals_are_asked_for_once(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("benchmark")
    app.run()
    assert [call for call in api.calls if call.startswith("/differences")] == [
        "/differences?a=deeplabv3plus&b=segformer"
    ]


def test_turning_the_comparison_round_turns_the_sentence(open_page: OpenPage) -> None:
    app = open_page("benchmark")
    app.selectbox(key="base").set_value("segformer").run()
    assert not app.exception
    assert "DeepLabV3+ is worse on mean" in texts(app.markdown)


@pytest.mark.parametrize("evaluation", [None, dict(fake_records.entry_of("segformer", "1")["metrics"].items())])
def test_a_model_with_little_or_no_report_is_still_in_the_table(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch, evaluation: object
) -> None:
    real = api.answer

    def bare(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        if path == "/differences":
            return 409, "The report of segformer has no scores of single images."
        answer = real(path, query, files)
        return answer | {"report": {"evaluation": evaluation}} if path == "/models/segformer" else answer

    monkeypatch.setattr(api, "answer", bare)
    app = open_page("benchmark")
    assert len(app.dataframe[0].value) == 2
    assert app.selectbox(key="confusion_model").options == ["DeepLabV3+"]
    assert "is better on mean" not in texts(app.caption)


def test_an_api_that_is_starting_is_waited_for(open_page: OpenPage, api: FakeApi) -> None:
    api.mode = "starting"
    app = open_page("benchmark")
    assert "The API is getting ready" in texts(app.warning)
    api.mode = "ok"
    app.run()
    assert len(app.dataframe) == 2


def test_the_worst_images_open_on_evaluate_with_truth_and_prediction(open_page: OpenPage, api: FakeApi) -> None:
    api.pictures = {f"scene_{i:03}": jpeg() for i in range(12)}
    app = open_page("benchmark")
    api.evaluations.refusal = (404, "There is no folder '.'; GET /folders lists them.")
    app.button(key="open-segformer").click().run()
    assert "There is no folder" in texts(app.error)
    api.evaluations.refusal = None
    app.button(key="open-segformer").click().run()
    assert not app.exception, app.exception
    assert app.title[0].value == "Evaluate"
    assert api.evaluations.queries == [{"model": "segformer", "hold": "True", "folder": ".", "split": "val"}]
    assert app.selectbox(key="evaluate-a-evaluation-1").value == "segformer"
