"""Turning photos: what browsers do, whatever cameras write; and the same as the API."""

from pathlib import Path

import numpy as np
import pytest

from back.runtime.imaging import open_photo
from front.photos.picture import preview_of_file, size_of, upright_pixels
from tests.front.photos.pngs import SIZE, chunk, exif_with, jpeg_with, orientation, png_with

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
LONG, ASCII, SIGNED = 4, 2, 8

# What Chromium shows: whether width and height change places.
FILES = {
    "one short number": (jpeg_with(exif_with(orientation(6))), True),
    "big-endian": (jpeg_with(exif_with(orientation(8, order=">"), order=">")), True),
    "a long number": (jpeg_with(exif_with(orientation(6, LONG))), False),
    "a signed number": (jpeg_with(exif_with(orientation(6, SIGNED))), False),
    "text": (jpeg_with(exif_with((0x0112, ASCII, 2, b"6\0\0\0"))), False),
    "two values": (jpeg_with(exif_with(orientation(6, count=2))), False),
    "out of range": (jpeg_with(exif_with(orientation(9))), False),
    "zero": (jpeg_with(exif_with(orientation(0))), False),
    "the wrong type before the right one": (jpeg_with(exif_with(orientation(6, LONG), orientation(6))), True),
    "out of range before the right one": (jpeg_with(exif_with(orientation(9), orientation(6))), True),
    "twice": (jpeg_with(exif_with(orientation(1), orientation(6))), False),
    "beside a rational of -1/0 that lies nowhere": (
        jpeg_with(exif_with((0x011A, 10, 1, b"\xff\xff\xff\x7f"), orientation(6))),
        True,
    ),
    "more entries than there are": (jpeg_with(exif_with(orientation(6))[:8] + b"\xff\xff" + bytes(12)), False),
    "cut off": (jpeg_with(exif_with(orientation(6))[:14]), False),
    "a directory that lies nowhere": (jpeg_with(b"II*\0\xff\xff\xff\x7f"), False),
    "no TIFF at all": (jpeg_with(b"hello"), False),
    "PNG": (png_with(chunk(b"eXIf", exif_with(orientation(6)))), True),
    "PNG, after the pixels": (png_with(after=chunk(b"eXIf", exif_with(orientation(6)))), False),
}


@pytest.mark.parametrize("what", FILES)
def test_a_photo_is_turned_as_browsers_turn_it_whatever_its_exif_says(what: str) -> None:
    data, turned = FILES[what]
    assert size_of("photo", data) == (SIZE[::-1] if turned else SIZE)
    assert upright_pixels("photo", data).size == (SIZE[::-1] if turned else SIZE)
    assert preview_of_file("photo", data).startswith(b"\xff\xd8")


@pytest.mark.parametrize("what", FILES)
def test_the_api_turns_it_the_same_way(what: str) -> None:
    data, _ = FILES[what]
    photo = open_photo(data, 10_000)
    assert (photo.width, photo.height) == size_of("photo", data)
    np.testing.assert_array_equal(np.asarray(photo.image), np.asarray(upright_pixels("photo", data)))


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not beside this checkout")
def test_the_files_that_tripped_others_are_turned_as_a_browser_and_the_api_turn_them() -> None:
    passed_over = ("exif_orientation", "jpeg_xmp", "webp")
    files = [*CASES.glob("exif_*.jpg"), *CASES.glob("*_orientation6.*")]
    assert len(files) > 8
    for file in files:
        data = file.read_bytes()
        expected = (192, 144) if file.name.startswith(passed_over) else (144, 192)
        api = open_photo(data, 1_000_000)
        assert (size_of(file.name, data), (api.width, api.height)) == (expected, expected), file.name
        assert preview_of_file(file.name, data)
