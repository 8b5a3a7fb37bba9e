"""The page on one model: everything of its card that a user must know."""

import json

import pytest

from front.about.training import beginning_of, joined_curves, runs_behind
from front.ui.palette import class_table, css
from tests.front import fake_records
from tests.front.conftest import OpenPage
from tests.front.fake_api import FakeApi
from tests.front.segment.test_view import texts


def body(app: object) -> str:
    return " ".join(element.proto.body for element in app.get("html"))  # type: ignore[attr-defined]


def test_the_card_is_shown(open_page: OpenPage) -> None:
    app = open_page("about")
    assert "Small pedestrians are often missed" in texts(app.warning)
    assert {m.label for m in app.metric} == {"mIoU", "Pixel accuracy", "Parameters", "Multiply-adds", "File"}
    shown = body(app)
    for fact in ("Licence of the data", "rendered scenes", "1 h 30 min", "518,400 pixels", "0123456789", "0.485"):
        assert fact in shown
    (carries,) = (frame.value for frame in app.dataframe if {"Pictures", "mIoU"} <= set(frame.value))
    assert carries["Pictures"].tolist()[1:] == ["rendered scenes, 1024 × 512"]
    assert carries["mIoU"].tolist()[1:] == [43.1]


def test_another_model_can_be_chosen(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("about")
    assert "not calibrated on labelled photos" in texts(app.caption)
    assert "does not say how to tell a photo that is unlike" in texts(app.caption)
    assert "Teacher" not in body(app)
    assert "in the run before" not in body(app)
    assert "Licence of the teacher" not in body(app)
    app.pills(key="about_model").set_value("segformer").run()
    assert not app.exception
    assert app.subheader[0].value == "SegFormer"
    (kinds,) = (frame.value for frame in app.dataframe if "Called unlike its streets" in frame.value)
    assert kinds["Pictures"].tolist() == [
        "scenes val (streets)", "noise (no streets)", "photos of other things (no streets)"
    ]  # fmt: skip
    assert kinds["Called unlike its streets"].tolist() == [0, 100, 90]
    assert "The threshold was set on 36 rendered scenes" in texts(app.caption)
    assert "scenes val, 12 images" in body(app)
    assert ">Teacher</dt><dd" in body(app).replace("\n", "")
    assert "Apache-2.0" in body(app)
    assert "4,000, after 6,123 in the run before" in body(app)


def test_text_of_a_card_cannot_become_markup(open_page: OpenPage, api: FakeApi) -> None:
    real = api.answer

    def hostile(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        answer = real(path, query, files)
        if path.startswith("/models/"):
            answer["card"]["training"]["data_licence"] = "<img src=x onerror=alert(1)>"
        return answer

    api.answer = hostile  # type: ignore[method-assign]
    shown = body(open_page("about"))
    assert "&lt;img src=x" in shown
    assert "<img" not in shown


def test_a_model_that_was_imported_says_where_it_comes_from(open_page: OpenPage, api: FakeApi) -> None:
    real = api.answer

    def imported(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        answer = real(path, query, files)
        if path.startswith("/models/"):
            answer["card"] |= {
                "training": None,
                "build": {"config": {"field": "x" * 200}, "bgr": False},
                "origin": {
                    "source": "owner/model@0123456789ab",
                    "library": "transformers 5",
                    "licence": "MIT",
                    "sha256": {"model.safetensors": "ab" * 32},
                    "labels": {"bus": "vehicle"},
                },
            }
        return answer

    api.answer = imported  # type: ignore[method-assign]
    app = open_page("about")
    assert not app.exception
    for fact in ("owner/model@0123456789ab", "transformers 5", "MIT", "model.safetensors abababababab"):
        assert fact in body(app)
    assert "x" * 200 not in texts(app.caption)


def test_pictures_in_a_card_s_markdown_are_not_loaded(open_page: OpenPage, api: FakeApi) -> None:
    real = api.answer
    picture = "![seen](https://elsewhere.example/pixel.png)"

    def hostile(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        answer = real(path, query, files)
        if path.startswith("/models/"):
            answer["card"] |= {"description": f"Fine {picture}", "limits": picture}
            answer["engine"]["reason"] = picture
            answer["alias"] = picture
        return answer

    api.answer = hostile  # type: ignore[method-assign]
    app = open_page("about")
    shown = [element.proto.body for kind in ("markdown", "warning", "caption") for element in app.get(kind)]
    assert any("elsewhere.example" in text for text in shown)
    assert not any("![" in text for text in shown)


def test_a_model_without_a_card_says_so(open_page: OpenPage, api: FakeApi) -> None:
    real = api.answer

    def bare(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        answer = real(path, query, files)
        return answer | {"card": None} if path.startswith("/models/") else answer

    api.answer = bare  # type: ignore[method-assign]
    assert "There is no card to show" in texts(open_page("about").info)


def test_the_class_table_follows_the_palette_for_colour_blindness(open_page: OpenPage) -> None:
    app = open_page("about")
    assert css(fake_records.CLASSES[0][1]) in body(app)
    app.toggle(key="safe_palette").set_value(True).run()
    assert css(fake_records.CLASSES[0][1]) not in body(app)
    assert css(class_table(fake_records.taxonomy(), safe=True)[0]["color"]) in body(app)


BEFORE = "0123456789abcdef0123456789abcdef"
BEGAN = (
    f"weights of segformer (sha256 19bb07632876, run {BEFORE}, 10000 steps on camvid train, terms: CamVid's terms; "
    "it began with random)"
)


def with_a_run_before(api: FakeApi, *, here: bool = True) -> None:
    """SegFormer went on from the weights of another run, on rendered scenes too; that run's curves may be here."""
    real = api.answer

    def answer(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        found = real(path, query, files)
        if path == "/models/segformer":
            found["card"]["training"]["initialisation"] = BEGAN
            found["card"]["training"]["recipe"]["scenes"] = 400
            found["card"]["training"]["run_id"] = "fedcba"
        return found

    api.answer = answer  # type: ignore[method-assign]
    if here:
        api.runs.append(fake_records.run_of("before") | {"tags": {"replayed_from": BEFORE}, "model": None})


def test_a_model_tells_its_whole_story(open_page: OpenPage, api: FakeApi) -> None:
    with_a_run_before(api)
    app = open_page("about")
    app.pills(key="about_model").set_value("segformer").run()
    assert not app.exception
    shown = body(app)
    assert "scenes train and 400 rendered scenes" in shown
    assert "the weights of SegFormer after 10,000 steps on CamVid train, which began with random ones" in shown
    assert [c.proto.alt.split(".")[0] for c in app.get("plotly_chart")] == [
        "Validation mIoU by epoch",
        "Training loss by epoch",
    ]
    (drawn,) = [json.loads(c.proto.spec)["data"] for c in app.get("plotly_chart")[:1]]
    assert [(line["name"], min(line["x"]), max(line["x"])) for line in drawn] == [
        ("before scenes", 1, 20),
        ("segformer scenes", 21, 40),
    ]
    assert "2 runs, one after the other" in texts(app.caption)
    assert shown.count("workflowType=machine_learning") == 2


def test_a_model_that_was_trained_elsewhere_leads_to_the_run_that_is_here(open_page: OpenPage, api: FakeApi) -> None:
    with_a_run_before(api, here=False)
    app = open_page("about")
    app.pills(key="about_model").set_value("segformer").run()
    shown = body(app).replace("\n", "")
    assert ">run-segformer</dd>" in shown
    assert ">Its id where it was trained</dt>" in shown
    assert "experiments/1/runs/run-segformer?workflowType=machine_learning" in shown
    assert f"runs/{BEFORE}" not in shown


def test_without_mlflow_the_card_is_shown_all_the_same(open_page: OpenPage, api: FakeApi) -> None:
    api.mode = "adrift"
    app = open_page("about")
    assert "They cannot be read just now. MLflow at" in texts(app.caption)
    assert "Licence of the data" in body(app)


def test_what_a_network_began_with_is_said_in_words() -> None:
    assert beginning_of("encoder: ImageNet from a package") == "encoder: ImageNet from a package"
    assert beginning_of(None) is None


TWICE = (
    f"weights of deeplabv3plus (sha256 00aa, run {'b' * 32}, 1504 steps on camvid train, terms: CamVid's; it began "
    f"with weights of deeplabv3plus (sha256 11bb, run {'a' * 32}, 2208 steps on camvid train, terms: CamVid's "
    "(research); it began with encoder: ImageNet from a package (Apache-2.0)))"
)


def test_the_first_of_several_runs_comes_first_in_words_and_curves(
    monkeypatch: pytest.MonkeyPatch, api: FakeApi
) -> None:
    assert beginning_of(TWICE) == (
        "the weights of DeepLabV3+ after 1,504 steps on CamVid train, which began with encoder: ImageNet from a "
        "package (Apache-2.0)"
    )
    listed = [{"run_id": one * 32} for one in "abc"]
    monkeypatch.setattr("front.about.training._runs", lambda _: {"runs": listed})
    monkeypatch.setattr("front.about.training._run", lambda _, run_id: {"run_id": run_id})
    runs = runs_behind({"run_id": "c" * 32}, {"training": {"initialisation": TWICE}})
    assert [run["run_id"] for run in runs] == ["a" * 32, "b" * 32, "c" * 32]


def test_more_runs_than_there_are_dashes_are_all_drawn() -> None:
    runs = [{"name": f"run {k}", "history": {"val_miou": [{"step": 1, "value": k / 10}]}} for k in range(9)]
    lines = joined_curves(runs, "val_miou", "red")
    assert [(name, epochs) for name, _, epochs, _, _ in lines] == [(f"run {k}", [k + 1]) for k in range(9)]
    assert [dash for *_, dash in lines[:3]] == [dash for *_, dash in lines[6:]]
