"""The Compare page: agreement, swaps, and both models against a label."""

import io

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.front.conftest import OpenPage, jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import labels_of
from tests.front.segment.test_view import texts, upload


def test_two_models_are_compared_in_one_call(open_page: OpenPage, api: FakeApi) -> None:
    photo = jpeg(80, 160)
    app = upload(open_page("compare"), ("street.jpg", photo))
    assert not app.exception
    assert api.count("/compare") == 1
    same = (labels_of(photo, "deeplabv3plus") == labels_of(photo, "segformer")).mean()
    assert [m.value for m in app.metric] == [f"{100 * same:.1f} %", f"{100 * (1 - same):.1f} %"]
    swaps = app.dataframe[0].value
    assert list(swaps.columns) == ["DeepLabV3+", "SegFormer", "Of the photo"]
    assert (swaps["DeepLabV3+"] != swaps["SegFormer"]).all()


def test_the_second_model_is_never_the_first(open_page: OpenPage) -> None:
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    app.selectbox(key="model_a").set_value("segformer").run()
    assert app.selectbox(key="model_b").value == "deeplabv3plus"
    assert not app.exception


def label_png(photo: bytes, model: str = "segformer", unlabelled_rows: int = 0) -> bytes:
    """A label that says what a model says, save for some rows that carry none."""
    labels = labels_of(photo, model).copy()
    labels[:unlabelled_rows] = 255
    out = io.BytesIO()
    Image.fromarray(labels).save(out, "PNG")
    return out.getvalue()


def give_label(app: AppTest, data: bytes) -> AppTest:
    return app.file_uploader[-1].set_value(("label.png", data, "image/png")).run()


def headings(app: AppTest) -> list[str]:
    return [s.value for s in app.subheader]


def test_a_label_gives_each_model_its_score(open_page: OpenPage, api: FakeApi) -> None:
    photo = jpeg(80, 160)
    app = give_label(upload(open_page("compare"), ("street.jpg", photo)), label_png(photo))
    assert not app.exception
    assert "label_taxonomy=street8" in api.calls[-1]
    values = {m.label: m.value for m in app.metric}
    assert values["mIoU, SegFormer"] == "100.0 %"
    assert float(values["B − A"].split()[0]) > 0
    scores = app.dataframe[1].value.set_index("Score")
    assert scores.loc["Pixel accuracy", "SegFormer"] == pytest.approx(100)


def test_who_is_right_is_told_of_the_labelled_pixels(open_page: OpenPage) -> None:
    photo = jpeg(80, 160)
    app = give_label(upload(open_page("compare"), ("street.jpg", photo)), label_png(photo, unlabelled_rows=20))
    same = (labels_of(photo, "deeplabv3plus")[20:] == labels_of(photo, "segformer")[20:]).mean()
    told = next(c.value for c in app.caption if c.value.startswith("Of the labelled pixels"))
    assert "75.0 % of the photo" in told
    assert f"both right {100 * same:.1f} %" in told
    assert f"only SegFormer right {100 * (1 - same):.1f} %" in told
    assert "both wrong 0.0 %" in told


def test_each_model_s_confusion_with_the_label_is_shown(open_page: OpenPage) -> None:
    photo = jpeg(80, 160)
    app = upload(open_page("compare"), ("street.jpg", photo))
    before = len(app.get("plotly_chart"))
    give_label(app, label_png(photo))
    assert len(app.get("plotly_chart")) == before + 2


def test_a_label_that_is_removed_stays_away(open_page: OpenPage) -> None:
    photo = jpeg(80, 160)
    app = give_label(upload(open_page("compare"), ("street.jpg", photo)), label_png(photo))
    assert "Against the label" in headings(app)
    next(b for b in app.button if b.label == "Remove the label").click().run()
    assert "Against the label" not in headings(app)
    app.run()
    assert "Against the label" not in headings(app)


def test_starting_over_forgets_the_label(open_page: OpenPage) -> None:
    photo = jpeg(80, 160)
    app = give_label(upload(open_page("compare"), ("street.jpg", photo)), label_png(photo))
    next(b for b in app.button if b.label == "Start over").click().run()
    upload(app, ("street.jpg", photo))
    assert "Against the label" not in headings(app)


def test_swapping_the_models_keeps_the_label_s_scores_without_a_call(open_page: OpenPage, api: FakeApi) -> None:
    photo = jpeg(80, 160)
    app = give_label(upload(open_page("compare"), ("street.jpg", photo)), label_png(photo))
    calls = api.count("/compare")
    app.selectbox(key="model_a").set_value("segformer").run()
    assert {m.label: m.value for m in app.metric}["mIoU, SegFormer"] == "100.0 %"
    assert float({m.label: m.value for m in app.metric}["B − A"].split()[0]) < 0
    assert api.count("/compare") == calls


def test_only_label_formats_that_fit_both_models_are_offered(open_page: OpenPage) -> None:
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    assert "Cityscapes categories" not in app.selectbox(key="label_source").options


def test_one_model_alone_is_told_that_it_takes_two(open_page: OpenPage, api: FakeApi) -> None:
    api.models = ("segformer",)
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    assert "it takes two" in texts(app.info)


def test_a_label_of_the_wrong_kind_is_refused_in_the_api_s_words(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    real = api.answer
    api.answer = lambda *_: (400, "The label is 3x3 but the photo is 120x60.")  # type: ignore[method-assign]
    app.file_uploader[-1].set_value(("label.png", jpeg(), "image/png")).run()
    assert "label.png**: The label is 3x3" in texts(app.error)
    assert app.metric[0].label == "Same class"  # the models are compared all the same
    assert "Against the label" not in headings(app)
    api.answer = real  # type: ignore[method-assign]
    assert not app.exception
