"""Every form in which a PNG can hold the same ids is read as those ids; what does not say its ids is refused."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from back.runtime.labels.read import LabelFileError, read_label
from tests.pngs import GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png

IDS = (*range(8), 255)
labels = hnp.arrays(np.uint8, (5, 7), elements=st.sampled_from(IDS))


def grey(value: int) -> tuple[int, int, int]:
    return value, value, value


def as_palette(label: np.ndarray, order: list[int]) -> bytes:
    """The optimiser's form: a palette of the greys that occur, in any order."""
    index = np.zeros(256, np.uint8)
    index[order] = range(len(order))
    return png(index[label], PALETTE, palette=[grey(value) for value in order])


@given(labels, st.permutations(IDS))
def test_any_encoding_of_the_same_pixels_gives_the_same_ids(label: np.ndarray, order: list[int]) -> None:
    opaque = np.full((5, 7, 1), 255)
    plain = label[..., None].astype(int)
    encodings = {
        "8-bit grey": png(label),
        "16-bit grey": png(label, depth=16),
        "16-bit grey, stretched": png(label.astype(int) * 257, depth=16),
        "grey palette": png(label, PALETTE, palette=[grey(v) for v in range(256)]),
        "optimised palette": as_palette(label, order),
        "grey with full opacity": png(np.concatenate([plain, opaque], 2), GREY_ALPHA),
    }
    if label.any():
        encodings["equal channels"] = png(np.repeat(plain, 3, 2), RGB)
        encodings["equal channels, opaque"] = png(np.concatenate([np.repeat(plain, 3, 2), opaque], 2), RGBA)
    for name, data in encodings.items():
        np.testing.assert_array_equal(read_label(data, "street8"), label, name)


@pytest.mark.parametrize("depth", [1, 2, 4])
@given(data=st.data())
def test_few_bits_a_pixel_are_not_scaled(depth: int, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 19))
    label = data.draw(hnp.arrays(np.uint8, (3, width), elements=st.integers(0, 2**depth - 1)))
    np.testing.assert_array_equal(read_label(png(label, depth=depth), "cityscapes_label_ids"), label)
    ids_in_palette = png(label, PALETTE, depth, palette=[grey(v) for v in range(2**depth)])
    np.testing.assert_array_equal(read_label(ids_in_palette, "cityscapes_label_ids"), label)


def test_few_bits_with_a_transparent_value_are_not_scaled() -> None:
    label = np.array([[0, 1, 2, 3]], np.uint8)
    data = png(label, depth=2)
    header_end = 8 + 25
    transparent = data[:header_end] + chunk(b"tRNS", b"\0\3") + data[header_end:]
    np.testing.assert_array_equal(read_label(transparent, "street8"), label)


def test_an_interlaced_label_is_read() -> None:
    label, buffer = np.arange(8, dtype=np.uint8).repeat(8).reshape(8, 8), io.BytesIO()
    Image.fromarray(label).save(buffer, "PNG", interlace=True)
    np.testing.assert_array_equal(read_label(buffer.getvalue(), "street8"), label)


COLOURS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        (b"", "not_png", "not a PNG"),
        (b"GIF89a", "not_png", "not a PNG"),
        (b"\xff\xd8\xff\xe0 a JPEG", "not_png", "not a PNG"),
        (png(COLOURS[..., 0])[:-30], "damaged", "not a readable label file"),
        (png(COLOURS[..., 0])[:20], "damaged", "not a readable label file"),
        (png(COLOURS, RGB), "colour", "mode RGB, wanted one channel of ids; this may be a colour picture"),
        (png(np.zeros((2, 4, 3), int), RGB), "colour", "black throughout"),
        (png(COLOURS[..., :2], GREY_ALPHA), "format", r"grey with transparency \(mode LA\)"),
        (png(COLOURS[..., 0].astype(int) * 1000, depth=16), "format", r"16 bits a pixel, values 0 to 21000 \(mode I"),
        (png(COLOURS.astype(int), RGB, 16), "format", "several channels of 16 bits"),
        (png(COLOURS[..., :2].astype(int), GREY_ALPHA, 16), "format", "several channels of 16 bits"),
    ],
)
def test_what_does_not_say_its_ids_is_refused_with_the_files_name(data: bytes, kind: str, says: str) -> None:
    with pytest.raises(LabelFileError, match=rf"^street/a\.png: .*{says}") as caught:
        read_label(data, "street8", "street/a.png")
    assert caught.value.kind == kind


def test_a_jpeg_that_is_called_png_is_refused() -> None:
    buffer = io.BytesIO()
    Image.fromarray(COLOURS[..., 0]).save(buffer, "JPEG")
    with pytest.raises(LabelFileError, match="not a PNG"):
        read_label(buffer.getvalue(), "street8")


def test_the_size_is_checked_before_the_pixels_are_decoded() -> None:
    def refuse(width: int, height: int) -> None:
        raise ValueError(f"{width} x {height}")

    with pytest.raises(ValueError, match="4 x 2"):
        read_label(png(COLOURS[..., 0])[:60], "street8", check_size=refuse)
