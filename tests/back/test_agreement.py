import io
import zlib

import numpy as np
import pytest
from PIL import Image

from back.agreement import (
    agreement_of,
    decode_label,
    disagreement_map,
    error_map,
    remap_label,
)
from back.problems import Problem
from back.runtime.scores.confusion import count_pairs
from back.runtime.taxonomy import CITYSCAPES7, STREET8
from tests.bundles import png_bytes


def test_taxonomies_agree_by_the_names_of_their_classes() -> None:
    sky8, sky7 = STREET8.names.index("sky"), CITYSCAPES7.names.index("sky")
    a = np.array([[sky8, sky8, 0]], np.uint8)
    b = np.array([[sky7, 0, 0]], np.uint8)
    assert agreement_of(count_pairs(a, b), STREET8, CITYSCAPES7) == pytest.approx(1 / 3)
    assert disagreement_map([(a, STREET8), (b, CITYSCAPES7)]).tolist() == [[0, 255, 255]]


def test_third_model_alone_makes_a_disagreement() -> None:
    same, other = np.zeros((1, 2), np.uint8), np.array([[0, 1]], np.uint8)
    assert disagreement_map([(same, STREET8), (same, STREET8), (other, STREET8)]).tolist() == [[0, 255]]


def test_errors_leave_out_what_is_not_labelled() -> None:
    label, predicted = np.array([[0, 1, 255]], np.uint8), np.array([[0, 2, 3]], np.uint8)
    assert error_map(label, predicted, 255).tolist() == [[0, 255, 0]]


def test_camvid_label_becomes_street8() -> None:
    label = np.array([[0, 3, 11]], np.uint8)  # sky, road, void
    assert remap_label(label, "camvid11", STREET8).tolist() == [[6, 0, 255]]


def test_palette_label_is_read_as_ids() -> None:
    image, buffer = Image.fromarray(np.array([[3, 5]], np.uint8)).convert("P"), io.BytesIO()
    image.putpalette([9] * 768)
    image.save(buffer, "PNG")
    assert decode_label(buffer.getvalue(), 2, 1).tolist() == [[3, 5]]


_GRAY = png_bytes(np.zeros((4, 6), np.uint8))


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"", 415, "not a PNG"),
        (b"GIF89a", 415, "not a PNG"),
        (_GRAY[:-20], 400, "damaged"),
        (png_bytes(np.zeros((4, 6, 3), np.uint8)), 422, "not colours"),
        (png_bytes(np.zeros((6, 4), np.uint8)), 422, "4 x 6 pixels but the photo is 6 x 4"),
    ],
)
def test_label_that_is_none_is_refused(data: bytes, status: int, says: str) -> None:
    with pytest.raises(Problem, match=says) as caught:
        decode_label(data, 6, 4)
    assert caught.value.status_code == status


def test_label_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big")
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + size + bytes([8, 0, 0, 0, 0])) + chunk(b"IDAT", b"")
    with pytest.raises(Problem) as caught:
        decode_label(bomb, 6, 4)
    assert caught.value.status_code in (400, 422)


@pytest.mark.parametrize(
    ("source", "value", "says"), [("camvid11", 200, "value 200 is not in the table"), ("nope", 0, "no remap nope")]
)
def test_label_of_another_taxonomy_is_422(source: str, value: int, says: str) -> None:
    with pytest.raises(Problem, match=says) as caught:
        remap_label(np.full((2, 2), value, np.uint8), source, STREET8)
    assert caught.value.status_code == 422
