"""The report: everything in one file that runs nothing and asks nobody."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from front.api.client import ApiClient
from front.api.predictions import ModelRef, PredictionCache, compare
from front.photos.album import read_photo
from front.report.document import Judged, Reported, Subject, report_html
from front.report.pictures import difference_uri, overlay_uri
from front.ui.palette import class_table
from tests.front.conftest import jpeg
from tests.front.fake_api import FakeApi
from tests.front.fake_masks import labels_of
from tests.front.fake_records import card_of, taxonomy

PHOTO = jpeg()
HOSTILE = '<script>alert(1)</script>"&.jpg'


@pytest.fixture
def pair(api: FakeApi):  # type: ignore[no-untyped-def]
    client = ApiClient(api.url)
    refs = [ModelRef.of(entry) for entry in client.models()["models"]]
    a, b, agreement = compare(client, PredictionCache(), read_photo("a.jpg", PHOTO), *refs)
    classes = class_table(taxonomy(), safe=False)
    return [Reported(one, classes, card_of(one.model)) for one in (a, b)], agreement


def subject(name: str = HOSTILE) -> Subject:
    return Subject(name, (120, 60), PHOTO, "28 November 2026, 19:00")


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.partition("<body>")[2]))


def test_it_says_what_was_compared_and_how_far_it_carries(pair) -> None:  # type: ignore[no-untyped-def]
    models, agreement = pair
    page = report_html(subject("a street.jpg"), models, agreement).decode()
    said = text_of(page)
    assert "What DeepLabV3+ and SegFormer see on this photo of 120 × 60 pixels. 28 November 2026, 19:00." in said
    assert f"Same class {100 * agreement.share:.1f} %" in said
    assert "expect the lower numbers, not the first one" in said
    a, b = (model.answer for model in models)
    for answer in (a, b):
        assert answer.sha256[:12] in said
    change = 100 * (b.class_shares["road"] - a.class_shares["road"])
    assert f"road {100 * a.class_shares['road']:.1f} % {100 * b.class_shares['road']:.1f} % {change:+.1f}" in said
    assert len(re.findall('<img src="data:image/jpeg;base64,', page)) == 4


def test_it_runs_nothing_and_asks_nobody_whatever_names_say(pair) -> None:  # type: ignore[no-untyped-def]
    models, agreement = pair
    bad = [replace(models[0], classes=[{"name": HOSTILE, "color": [1, 2, 3]}, *models[0].classes[1:]],
                   card=dict(models[0].card) | {"limits": HOSTILE}), models[1]]  # fmt: skip
    page = report_html(subject(), bad, agreement).decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert "default-src 'none'" in page


def test_one_model_and_a_label_have_their_own_words(pair, api: FakeApi) -> None:  # type: ignore[no-untyped-def]
    models, agreement = pair
    alone = text_of(report_html(subject("a.jpg"), models[:1]).decode())
    assert "What DeepLabV3+ sees on this photo" in alone
    assert "B − A" not in alone
    out = io.BytesIO()
    Image.fromarray(labels_of(PHOTO, "segformer")).save(out, "PNG")
    answer = ApiClient(api.url).compare(
        PHOTO, models=[m.answer.model for m in models], label=out.getvalue(), label_taxonomy="street8"
    )
    assert answer.label is not None
    scores = (answer.label.scores["deeplabv3plus"], answer.label.scores["segformer"])
    said = text_of(report_html(subject("a.jpg"), models, agreement, Judged("truth.png", scores)).decode())
    assert f"mIoU of SegFormer {100 * float(scores[1].miou or 0):.1f} %" in said
    assert "the label file truth.png" in said


def test_the_pictures_show_colours_lines_and_differences() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (60, 60, 60)).save(out, "PNG")
    ids = np.zeros((64, 64), np.uint8)
    ids[:, 32:] = 1
    maps = io.BytesIO()
    Image.fromarray(ids).save(maps, "PNG")
    classes = [{"name": "road", "color": [128, 64, 128]}, {"name": "building", "color": [70, 70, 70], "hatch": 0}]

    def pixels(uri: str) -> np.ndarray:
        data = base64.b64decode(uri.partition(",")[2])
        return np.asarray(Image.open(io.BytesIO(data)), float)

    shown = pixels(overlay_uri(out.getvalue(), maps.getvalue(), classes))
    np.testing.assert_allclose(shown[8:56, 8:24].mean((0, 1)), [101, 62, 101], atol=3)
    assert shown[:, :24].std() < 30 < shown[8:56, 40:56, 0].max() - shown[8:56, 40:56, 0].min()
    Image.fromarray(ids * 255).save(maps := io.BytesIO(), "PNG")
    marked = pixels(difference_uri(out.getvalue(), maps.getvalue()))
    np.testing.assert_allclose(marked[8:56, 44:60].mean((0, 1)), [176, 20, 100], atol=3)
