"""8-bit RGB PNGs decode to Pillow's pixels, whatever filters their rows have; what is not whole is left to Pillow."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime.headers.base import ImageError
from back.runtime.headers.read import read_header
from back.runtime.imaging import decode_image
from back.runtime.png_decoder import decode_rgb


def png_of(rows: bytes, height: int, width: int, *, stream: bytes | None = None) -> bytes:
    """A PNG of rows that are filtered already."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 1) if stream is None else stream),
        (b"IEND", b""),
    ]
    chunks = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def random_rows(seed: int, height: int, width: int) -> bytes:
    """Every filter on random bytes, which need not look like a picture."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 0] = rng.integers(0, 5, height)
    return rows.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 20))
def test_pixels_are_pillow_s_under_every_filter(seed: int, height: int, width: int) -> None:
    data = png_of(random_rows(seed, height, width), height, width)
    found = decode_rgb(read_header(data).decodable())
    assert found is not None
    np.testing.assert_array_equal(found, np.asarray(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(decode_image(data, 1000), found)


def test_what_is_not_whole_is_left_to_pillow() -> None:
    rows = random_rows(1, 8, 8)
    whole = zlib.compress(rows)
    for stream in (
        zlib.compress(rows[:-1]),
        zlib.compress(rows + b"\0"),
        whole[:-5],
        whole[:-1] + bytes([whole[-1] ^ 1]),
        zlib.compress(b"\5" + rows[1:]),
    ):
        assert decode_rgb(read_header(png_of(rows, 8, 8, stream=stream)).decodable()) is None
    with pytest.raises(ImageError, match="damaged"):
        decode_image(png_of(rows, 8, 8, stream=zlib.compress(rows[:100])), 1000)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16", "1"])
def test_other_kinds_are_left_to_pillow(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (5, 4)).save(buffer, "PNG")
    assert decode_rgb(read_header(buffer.getvalue()).decodable()) is None
    assert decode_image(buffer.getvalue(), 1000).shape == (4, 5, 3)
