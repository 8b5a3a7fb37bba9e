"""The Compare page: agreement, swaps, and both models against a label."""

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from front.photos.label_files import in_plain_words
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


def test_swapping_the_models_swaps_who_is_right(open_page: OpenPage) -> None:
    photo = jpeg(80, 160)
    app = give_label(upload(open_page("compare"), ("street.jpg", photo)), label_png(photo))
    before = next(c.value for c in app.caption if c.value.startswith("Of the labelled pixels"))
    app.selectbox(key="model_a").set_value("segformer").run()
    after = next(c.value for c in app.caption if c.value.startswith("Of the labelled pixels"))
    assert "only DeepLabV3+ right 0.0 %" in before
    assert {*before.removesuffix(".").split(", ")} == {*after.removesuffix(".").split(", ")}


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
    photo = jpeg(80, 160)
    app = give_label(upload(open_page("compare"), ("street.jpg", photo)), label_png(photo))
    assert "Cityscapes categories" not in kind_box(app).options


def kind_box(app: AppTest) -> Selectbox:
    """The box that says what the label file's values are."""
    return next(box for box in app.selectbox if box.label.startswith("Its values are"))


def grey_png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_the_kind_of_a_label_is_guessed_and_can_be_chosen(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("compare"), ("street.jpg", jpeg(80, 160)))
    give_label(app, grey_png(np.resize([7, 11, 21, 26], (80, 160))))
    assert "label_taxonomy=cityscapes_label_ids" in api.calls[-1]
    assert "no such values" not in texts(app.warning)
    kind_box(app).set_value("camvid11").run()
    assert "label_taxonomy=camvid11" in api.calls[-1]
    assert "label.png holds 21 and 26; there are no such values in CamVid" in texts(app.warning)
    assert "They fit Cityscapes labelIds. Choose what it holds" in texts(app.warning)


def test_a_label_with_which_neither_model_agrees_is_doubted(open_page: OpenPage) -> None:
    photo = jpeg(80, 160)
    app = upload(open_page("compare"), ("street.jpg", photo))
    wrong = (labels_of(photo, "segformer") + 4) % 8
    give_label(app, grey_png(wrong))
    assert "Neither model agrees with even 20% of label.png" in texts(app.warning)


def test_after_a_refusal_nothing_claims_to_be_the_truth_and_no_parameter_is_named(
    open_page: OpenPage, api: FakeApi
) -> None:
    photo = jpeg(80, 160)
    app = upload(open_page("compare"), ("street.jpg", photo))
    real = api.answer

    def refusing(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        sentence = "This label cannot be used: no remap street8 -> other; set label_taxonomy."
        return (422, sentence) if "label" in files else real(path, query, files)

    api.answer = refusing  # type: ignore[method-assign]
    give_label(app, label_png(photo))
    (said,) = [e.value for e in app.error]
    assert said.endswith("no remap street8 -> other; choose what it holds under “Label file”.")
    everything = texts([*app.caption, *app.markdown, *app.error, *app.warning, *app.metric])
    assert "label_taxonomy" not in everything
    assert "truth" not in everything
    assert "mIoU" not in " ".join(m.label for m in app.metric)


@pytest.mark.parametrize(
    ("api_says", "people_read"),
    [
        ("No remap; set label_taxonomy.", "No remap; choose what it holds under “Label file”."),
        (
            "Value 40 is not in the table; or set label_taxonomy to what the file holds.",
            "Value 40 is not in the table; choose what it holds under “Label file”.",
        ),
        ("The label is damaged.", "The label is damaged."),
    ],
)
def test_the_api_s_sentences_on_labels_lose_their_parameters(api_says: str, people_read: str) -> None:
    assert in_plain_words(api_says) == people_read


def test_one_model_alone_is_told_that_it_takes_two(open_page: OpenPage, api: FakeApi) -> None:
    api.models = ("segformer",)
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    assert "it takes two" in texts(app.info)


def test_a_label_of_the_wrong_kind_is_refused_in_the_api_s_words(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    real = api.answer
    api.answer = lambda *_: (400, "The label is 3x3 but the photo is 120x60.")  # type: ignore[method-assign]
    app.file_uploader[-1].set_value(("label.png", jpeg(), "image/png")).run()
    assert "label.png** is not compared with: The label is 3x3" in texts(app.error)
    assert app.metric[0].label == "Same class"  # the models are compared all the same
    assert "Against the label" not in headings(app)
    api.answer = real  # type: ignore[method-assign]
    assert not app.exception
