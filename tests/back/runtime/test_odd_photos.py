"""Photos of odd kinds come out as the pixels that they hold, or are refused with the reason."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from back.runtime.imaging import ImageError, decode_image
from tests.photo_files import END, chunk, exif_segment, ihdr, orientation_entry, png, rows, tiff

RGB = np.kron(np.random.default_rng(1).integers(0, 255, (3, 4, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
GREY = np.repeat(RGB[..., :1], 3, 2)
PICTURE = Image.fromarray(RGB)


def encoded(kind: str, picture: Image.Image = PICTURE, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def sixteen_bits(colour: int, pixels: np.ndarray, *chunks: bytes) -> bytes:
    lines = rows((pixels.astype(np.uint16) * 256 + 9).reshape(len(pixels), -1))
    return png(ihdr(16, colour, 0, *RGB.shape[:2]), *chunks, chunk(b"IDAT", zlib.compress(lines)), END)


BLUE_IS_CLEAR = np.dstack([RGB, RGB[..., 2]])
JPEG = encoded("JPEG", quality=95, subsampling=0)
HALF_TURN = exif_segment(tiff([orientation_entry(3, ">")], ">", rest=b"garbage" * 999))
READ = {
    "16-bit colours": (sixteen_bits(2, RGB), RGB),
    "16-bit colours, black transparent": (sixteen_bits(2, RGB, chunk(b"tRNS", bytes(6))), RGB),
    "16-bit grey, one value transparent": (sixteen_bits(0, RGB[..., 0], chunk(b"tRNS", b"\0\7")), GREY),
    "16-bit grey with transparency": (sixteen_bits(4, RGB[..., :2]), GREY),
    "16-bit colours with transparency": (sixteen_bits(6, BLUE_IS_CLEAR), RGB),
    "2-bit palette, one colour transparent": (
        encoded("PNG", PICTURE.quantize(4), bits=2, transparency=1),
        np.asarray(PICTURE.quantize(4).convert("RGB")),
    ),
    "lossless WebP with transparency": (
        encoded("WEBP", Image.fromarray(BLUE_IS_CLEAR), lossless=True, exact=True),
        RGB,
    ),
    "JPEG in RGB": (encoded("JPEG", quality=100, keep_rgb=True), RGB),
    "JPEG, big-endian half turn before garbage": (JPEG[:2] + HALF_TURN + JPEG[2:], RGB[::-1, ::-1]),
    "JPEG with 3 MB of profile": (encoded("JPEG", quality=95, subsampling=0, icc_profile=bytes(3 << 20)), RGB),
    "JPEG, another behind it": (JPEG + JPEG, RGB),
    "JPEG, HTML behind it": (JPEG + b"<html>", RGB),
    "one pixel": (encoded("PNG", Image.new("RGB", (1, 1), (9, 8, 7))), np.array([[[9, 8, 7]]])),
    "one row": (encoded("PNG", Image.new("RGB", (5000, 1), (9, 8, 7))), np.full((1, 5000, 3), (9, 8, 7))),
}
REFUSED = {
    "GIF": encoded("GIF", PICTURE.convert("P")),
    "TIFF": encoded("TIFF"),
    "HEIC": b"\0\0\0\x18ftypheic" + bytes(99),
    "AVIF": b"\0\0\0\x18ftypavif" + bytes(99),
    "pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n",
    "restart markers, cut off": encoded("JPEG", quality=95, restart_marker_blocks=2)[:-2],
    "progressive, cut off": encoded("JPEG", quality=95, progressive=True)[:-2],
    "animated WebP": encoded("WEBP", save_all=True, append_images=[Image.fromarray(255 - RGB)]),
}


@pytest.mark.parametrize("name", READ)
def test_an_odd_photo_has_the_pixels_that_it_holds(name: str) -> None:
    data, pixels = READ[name]
    read = decode_image(data, 10**6)
    assert read.shape == pixels.shape
    assert np.abs(read.astype(int) - pixels).max() <= (3 if "JPEG" in name else 0)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_whole_photo_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(ImageError, match=r"(convert it|save or upload it again|send a single picture)"):
        decode_image(REFUSED[name], 10**6)
