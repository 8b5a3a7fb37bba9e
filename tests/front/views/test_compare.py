"""The Compare page: agreement, swaps, and both models against a label."""

import io

import pytest
from PIL import Image

from tests.front.conftest import OpenPage, jpeg
from tests.front.fake_api import FakeApi, labels_of
from tests.front.views.test_segment import texts, upload


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


def test_a_label_gives_each_model_its_score(open_page: OpenPage, api: FakeApi) -> None:
    photo = jpeg(80, 160)
    app = upload(open_page("compare"), ("street.jpg", photo))
    label = io.BytesIO()
    Image.fromarray(labels_of(photo, "segformer")).save(label, "PNG")
    app.file_uploader[-1].set_value(("label.png", label.getvalue(), "image/png")).run()
    assert not app.exception
    assert "label_taxonomy=street8" in api.calls[-1]
    values = {m.label: m.value for m in app.metric}
    assert values["mIoU, SegFormer"] == "100.0 %"
    assert float(values["B less A"].split()[0]) > 0
    scores = app.dataframe[1].value.set_index("Score")
    assert scores.loc["Pixel accuracy", "SegFormer"] == pytest.approx(100)


def test_one_model_alone_is_told_that_it_takes_two(open_page: OpenPage, api: FakeApi) -> None:
    api.models = ("segformer",)
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    assert "it takes two" in texts(app.info)


def test_a_label_of_the_wrong_kind_is_refused_in_the_api_s_words(open_page: OpenPage, api: FakeApi) -> None:
    app = upload(open_page("compare"), ("street.jpg", jpeg()))
    api.answer = lambda *_: (400, "The label is 3x3 but the photo is 120x60.")  # type: ignore[method-assign]
    app.file_uploader[-1].set_value(("label.png", jpeg(), "image/png")).run()
    assert "The label is 3x3" in texts(app.error) + texts(app.warning)
    assert not app.exception
