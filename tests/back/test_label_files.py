import io
import zlib

import numpy as np
import pytest
from PIL import Image

from back.label_files import decode_label, label_table, label_values, remap_label
from back.problems import Problem
from back.runtime.labels.read import read_label
from back.runtime.labels.tables import source_named
from back.runtime.taxonomy import STREET8
from tests.bundles import png_bytes, taxonomy_of
from tests.pngs import PALETTE, png


def test_camvid_label_becomes_street8() -> None:
    label = np.array([[0, 3, 11]], np.uint8)  # sky, road, void
    assert remap_label(label, label_table("camvid11", STREET8)).tolist() == [[6, 0, 255]]


def test_palette_label_is_read_as_ids() -> None:
    image, buffer = Image.fromarray(np.array([[3, 5]], np.uint8)).convert("P"), io.BytesIO()
    image.putpalette([9] * 768)
    image.save(buffer, "PNG")
    assert decode_label(buffer.getvalue(), "street8", 2, 1).tolist() == [[3, 5]]


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
        decode_label(data, "street8", 6, 4)
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (png(np.full((4, 6), 1000), depth=16), "16 bits a pixel, values 1000 to 1000"),
        (png(np.tile(range(6), (4, 1)), PALETTE, palette=[(40 * i,) * 3 for i in range(6)]), "its palette is grey"),
    ],
)
def test_label_whose_ids_cannot_be_told_is_422(data: bytes, says: str) -> None:
    with pytest.raises(Problem, match=f"The label cannot be read: {says}") as caught:
        decode_label(data, "street8", 6, 4)
    assert caught.value.status_code == 422


@pytest.mark.parametrize("source", ["street8", "camvid11", "cityscapes19"])
def test_label_in_its_own_colours_is_read_as_the_loader_reads_it(source: str) -> None:
    data = png(np.array([[0, 1, 2]]), PALETTE, palette=[(70, 70, 70), (128, 64, 128), (107, 142, 35)])
    label = decode_label(data, source, 3, 1)
    assert np.array_equal(label, read_label(data, source))
    assert source == "camvid11" or label.tolist() == [[2, 0, {"street8": 5, "cityscapes19": 8}[source]]]


def test_label_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big")
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + size + bytes([8, 0, 0, 0, 0])) + chunk(b"IDAT", b"")
    for read in (lambda: decode_label(bomb, "street8", 6, 4), lambda: label_values(bomb, 10**6)):
        with pytest.raises(Problem) as caught:
            read()
        assert caught.value.status_code in (400, 413, 422)


@pytest.mark.parametrize(
    ("source", "value", "says"), [("camvid11", 200, "value 200 is not in the table"), ("nope", 0, "no remap nope")]
)
def test_label_of_another_taxonomy_is_422(source: str, value: int, says: str) -> None:
    with pytest.raises(Problem, match=says) as caught:
        remap_label(np.full((2, 2), value, np.uint8), label_table(source, STREET8))
    assert caught.value.status_code == 422


def test_labels_in_a_models_own_classes_are_read_as_its_ids() -> None:
    own = taxonomy_of(3)
    source = source_named(own.id, [own, STREET8])
    assert dict(label_table(source, own)) == {0: 0, 1: 1, 2: 2, 255: 255}
    with pytest.raises(Problem, match="made-up-3 is no finer set than street8"):
        label_table(source, STREET8)
    with pytest.raises(Problem, match="for ids of the model itself to made-up-3"):
        label_table(source_named("street8", [own]), own)
