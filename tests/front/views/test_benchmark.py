"""The Benchmark page: its table, differences, and what it says when there is little to show."""

import pytest

from tests.front import fake_api
from tests.front.conftest import OpenPage
from tests.front.fake_api import FakeApi
from tests.front.views.test_segment import texts


def test_every_model_is_in_the_table_with_its_numbers(open_page: OpenPage) -> None:
    app = open_page("benchmark")
    table = app.dataframe[0].value.set_index("Model")
    assert list(table.index) == ["DeepLabV3+", "SegFormer"]
    expected = 100 * fake_api.entry_of("segformer", "1")["metrics"]["miou_7"]
    assert table.loc["SegFormer", "mIoU, 7 classes"] == pytest.approx(expected)
    assert {"Boundary IoU", "Latency p95", "Peak memory", "IoU pedestrian", "Version", "Data"} <= set(table.columns)
    assert [s.value for s in app.subheader] == [
        "IoU by class",
        "Is one really better?",
        "Accuracy against time",
        "What is taken for what",
        "Image by image",
    ]
    assert "SegFormer is better on mean" in texts(app.caption)


def test_the_worst_images_are_named_worst_first(open_page: OpenPage) -> None:
    worst = open_page("benchmark").dataframe[1].value
    assert len(worst) == 10
    assert worst["mIoU"][:5].is_monotonic_increasing


def test_turning_the_comparison_round_turns_the_sentence(open_page: OpenPage) -> None:
    app = open_page("benchmark")
    app.selectbox(key="base").set_value("segformer").run()
    assert not app.exception
    assert "DeepLabV3+ is worse on mean" in texts(app.caption)


@pytest.mark.parametrize("evaluation", [None, dict(fake_api.entry_of("segformer", "1")["metrics"].items())])
def test_a_model_with_little_or_no_report_is_still_in_the_table(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch, evaluation: object
) -> None:
    real = api.answer

    def bare(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
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
    assert "The API is starting" in texts(app.warning)
    api.mode = "ok"
    app.run()
    assert len(app.dataframe) == 2
