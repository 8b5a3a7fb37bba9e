"""PNGs whose side chunks trip Pillow: shown, because every viewer shows them."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from front.photos.picture import PhotoError, preview_of_file, size_of, upright_pixels
from front.photos.png import add_palette, keep_picture
from tests.front.photos.pngs import SIZE, chunk, png_with

PROFILE = b"icc\0\0" + zlib.compress(bytes(3_000_000))
ODD = {
    "a large profile": png_with(chunk(b"iCCP", PROFILE)),
    "a profile with a wrong checksum": png_with(chunk(b"iCCP", PROFILE, right=False)),
    "a gamma of one byte": png_with(chunk(b"gAMA", b"x")),
    "a resolution of two bytes": png_with(chunk(b"pHYs", b"xx")),
    "two megabytes of text": png_with(chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(2_000_000)))),
    "a chunk with an illegal name": png_with(after=chunk(b"\xff\x01\x02\x03", b"data")),
    "a second header": png_with(after=chunk(b"IHDR")),
    "nothing odd": png_with(),
}


@pytest.mark.parametrize("what", ODD)
def test_a_png_is_shown_whatever_stands_beside_its_pixels(what: str) -> None:
    assert size_of("photo.png", ODD[what]) == SIZE
    assert np.asarray(upright_pixels("photo.png", ODD[what])).tolist() == [[[255, 0, 0]] * SIZE[0]] * SIZE[1]


@pytest.mark.parametrize("end", [20, 40, 60, 90])
def test_a_png_that_is_cut_off_is_called_damaged(end: int) -> None:
    with pytest.raises(PhotoError, match=r"photo\.png is damaged"):
        preview_of_file("photo.png", png_with()[:end])


def test_palettes_and_transparency_are_part_of_the_picture() -> None:
    out = io.BytesIO()
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([1, 2, 3, 4, 5, 6])
    image.save(out, "PNG", transparency=0, dpi=(72, 72))
    kept = Image.open(io.BytesIO(keep_picture(out.getvalue())))
    assert kept.convert("RGBA").getdata()[0] == (1, 2, 3, 0)
    assert "dpi" not in kept.info


def test_a_palette_gives_a_grey_png_colours_and_leaves_its_pixels() -> None:
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    grey = io.BytesIO()
    Image.fromarray(labels).save(grey, "PNG")
    colours = [(i, 10 * i, 255 - i) for i in range(6)]
    coloured = Image.open(io.BytesIO(add_palette(grey.getvalue(), colours)))
    assert coloured.mode == "P"
    np.testing.assert_array_equal(np.asarray(coloured), labels)
    assert coloured.convert("RGB").getpixel((2, 1)) == colours[5]
    with pytest.raises(ValueError, match="not an 8-bit grey PNG"):
        add_palette(png_with(), colours)
