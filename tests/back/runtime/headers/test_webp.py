import io
import struct

import numpy as np
import pytest
from PIL import Image

from back.runtime.headers.base import ImageError
from back.runtime.headers.read import read_header
from back.runtime.imaging import decode_image
from tests.clock import least_seconds
from tests.photo_files import HEIGHT, PIXELS, TURNED, WIDTH

MILLION = 1_000_000


def saved(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "WEBP", **options)
    return buffer.getvalue()


def with_chunks(*chunks: bytes) -> bytes:
    """An extended WebP: a header of its own, the picture, and more chunks."""
    sides = struct.pack("<I", WIDTH - 1)[:3] + struct.pack("<I", HEIGHT - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + sides + saved(lossless=True)[12:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


EXIF_CHUNK = b"EXIF" + struct.pack("<I", len(TURNED)) + TURNED


@pytest.mark.parametrize(
    "data", [saved(), saved(lossless=True), with_chunks(EXIF_CHUNK)], ids=["", "lossless", "extended"]
)
def test_the_size_is_read_from_the_first_chunk(data: bytes) -> None:
    header = read_header(data)
    assert (header.format, header.width, header.height) == ("WEBP", WIDTH, HEIGHT)


def test_a_webp_is_not_turned_as_in_browsers() -> None:
    np.testing.assert_array_equal(decode_image(with_chunks(EXIF_CHUNK), MILLION), PIXELS)


def test_pixels_are_those_of_pillow() -> None:
    for data in (saved(), saved(quality=30)):
        np.testing.assert_array_equal(decode_image(data, MILLION), np.asarray(Image.open(io.BytesIO(data))))


def test_the_size_is_refused_before_the_decoder_takes_memory() -> None:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\x3f\0\xff\x3f\0"
    with pytest.raises(ImageError, match="16384 x 16384") as caught:
        decode_image(b"RIFF" + struct.pack("<I", len(body)) + body, MILLION)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    "data", [b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WEBPVP8 " + bytes(40), saved()[:40], saved()[:25]]
)
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="damaged") as caught:
        decode_image(data, MILLION)
    assert caught.value.status == 400


def test_files_of_nothing_but_chunks_are_refused_at_once() -> None:
    data = with_chunks(b"JUNK\0\0\0\0" * 1_000_000)

    def refuse() -> None:
        with pytest.raises(ImageError, match="chunks"):
            decode_image(data, MILLION)

    assert least_seconds(refuse) < 0.5
