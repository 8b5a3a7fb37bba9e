"""Which models' scores stand side by side on the Benchmark page."""

import pytest

from front.benchmark.class_sets import class_sets, counted_in, in_class_set
from tests.front import fake_api
from tests.front.conftest import OpenPage
from tests.front.segment.test_view import texts

COARSE = {"miou": 0.5, "pixel_accuracy": 0.9, "class_iou": {"flat": 0.4, "sky": 0.6}}
ENTRIES = [
    {"name": "a", "taxonomy": "fine", "metrics": {"miou": 0.2, "miou_8": 0.2, "dataset": "d"}},
    {"name": "b", "taxonomy": "coarse", "metrics": {"miou": 0.7}},
    {"name": "c", "taxonomy": "coarse", "metrics": {"miou": 0.6}},
    {"name": "broken", "taxonomy": None, "metrics": None},
]
EVALUATIONS = {"a": {"groups": {"coarse": COARSE}, "latency": {"ms": 1}, "per_image": [1]}, "b": None, "c": {}}


def test_the_set_of_most_models_comes_first():
    assert class_sets(ENTRIES) == ["coarse", "fine"]


def test_two_sets_of_one_name_are_told_apart_by_their_classes():
    own = [
        {"name": name, "taxonomy": "own", "metrics": {"class_iou": dict.fromkeys(classes, 0.5)}}
        for name, classes in (("x", "ab"), ("y", "cd"))
    ]
    assert class_sets(own) == ["own (a, b)", "own (c, d)"]
    assert [entry["name"] for entry in in_class_set(own, {}, "own (c, d)")] == ["y"]


def test_finer_models_join_where_they_were_counted_in_the_set():
    assert [entry["name"] for entry in in_class_set(ENTRIES, EVALUATIONS, "coarse")] == ["a", "b", "c", "broken"]
    assert [entry["name"] for entry in in_class_set(ENTRIES, EVALUATIONS, "fine")] == ["a", "broken"]


def test_a_counted_model_shows_scores_of_the_coarser_set_alone():
    entry, evaluation = counted_in(ENTRIES[0], EVALUATIONS, "coarse")
    assert entry["metrics"] == {"miou_8": None, "miou_7": None, "dataset": "d", **COARSE}
    assert evaluation == {"latency": {"ms": 1}}


def test_models_of_two_class_sets_are_never_in_one_table(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fake_api.entry_of

    def other_classes(model: str, version: str) -> dict[str, object]:
        entry = real(model, version)
        return entry | {"taxonomy": "garden"} if model == "segformer" else entry

    monkeypatch.setattr(fake_api, "entry_of", other_classes)
    app = open_page("benchmark")
    assert list(app.dataframe[0].value["Model"]) == ["SegFormer"]
    app.segmented_control(key="benchmark_classes").set_value("street8").run()
    assert list(app.dataframe[0].value["Model"]) == ["DeepLabV3+"]
    assert "Is one really better?" not in texts(app.subheader)
