import io
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from back.runtime.headers.base import MAX_PARTS, ImageError
from back.runtime.headers.read import read_header
from back.runtime.imaging import decode_image
from tests.clock import least_seconds
from tests.photo_files import (
    BROKEN_PNGS,
    DATA,
    END,
    EXIF_DIRECTORY,
    HEIGHT,
    LONG,
    PIXELS,
    PNGS,
    STREAM,
    WIDTH,
    chunk,
    ihdr,
    png,
    rows,
    tiff,
)

MILLION = 1_000_000


def refused(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data, MILLION)
    assert str(caught.value).endswith(".")
    return caught.value


@pytest.mark.parametrize("name", PNGS)
def test_a_picture_that_chromium_shows_is_read_as_it_shows_it(name: str) -> None:
    data, orientation = PNGS[name]
    assert read_header(data).orientation == orientation
    expected = PIXELS if orientation == 1 else PIXELS[::-1].transpose(1, 0, 2)
    np.testing.assert_array_equal(decode_image(data, MILLION), expected)


@pytest.mark.parametrize("name", BROKEN_PNGS)
def test_a_picture_that_chromium_does_not_show_whole_is_refused(name: str) -> None:
    assert refused(BROKEN_PNGS[name]).status == (415 if "unknown" in name or name == "header twice" else 400)


def test_a_missing_palette_is_refused() -> None:
    assert "palette" in str(refused(png(ihdr(colour=3), chunk(b"IDAT", zlib.compress(rows(PIXELS[..., 0]))), END)))


def test_pixel_data_that_do_not_fit_their_own_checksum_are_refused() -> None:
    assert refused(png(ihdr(), chunk(b"IDAT", STREAM[:-4] + b"abcd"), END)).status == 400
    assert refused(png(ihdr(), chunk(b"IDAT", STREAM[:-4] + b"abcd", 0), END)).status == 400


def test_an_animation_whose_first_picture_is_not_shown_is_refused() -> None:
    assert refused(png(ihdr(), chunk(b"acTL", bytes([0, 0, 0, 1, 0, 0, 0, 0])), DATA, END)).status == 415


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_of_sixteen_bits_the_high_byte_is_taken(channels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH, channels), dtype=np.uint16)
    data = png(ihdr(16, {1: 0, 2: 4, 3: 2, 4: 6}[channels]), chunk(b"IDAT", zlib.compress(rows(pixels))), END)
    high = (pixels >> 8).astype(np.uint8)
    expected = high[..., :3] if channels > 2 else np.repeat(high[..., :1], 3, 2)
    np.testing.assert_array_equal(decode_image(data, MILLION), expected)


@pytest.mark.parametrize("colour", [0, 2, 3])
def test_transparency_is_dropped(colour: int) -> None:
    stored = PIXELS if colour == 2 else PIXELS[..., 0] // 16
    palette = np.arange(48, dtype=np.uint8).reshape(16, 3) * 5
    clear = chunk(b"tRNS", bytes(stored.astype(">u2")[0, 0].tobytes()) if colour != 3 else bytes(range(16)))
    data = png(
        ihdr(colour=colour), chunk(b"PLTE", palette.tobytes()), clear, chunk(b"IDAT", zlib.compress(rows(stored)))
    )
    expected = palette[stored] if colour == 3 else stored if colour == 2 else np.repeat(stored[..., None], 3, 2)
    np.testing.assert_array_equal(decode_image(data, MILLION), expected)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_of_few_bits_is_spread_over_eight(depth: int) -> None:
    levels = 2**depth
    stored = PIXELS[..., 0] & (levels - 1)
    bits = np.unpackbits(stored[..., None], axis=-1)[..., -depth:].reshape(HEIGHT, -1)
    data = png(ihdr(depth, 0), chunk(b"IDAT", zlib.compress(rows(np.packbits(bits, axis=1)))), END)
    expected = np.repeat((stored * (255 // (levels - 1)))[..., None], 3, 2)
    np.testing.assert_array_equal(decode_image(data, MILLION), expected)


def interlaced(height: int, width: int, value: int) -> bytes:
    """The unpacked data of an interlaced picture of one grey."""
    steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for left, top, right, down in steps:
        columns, lines = len(range(left, width, right)), len(range(top, height, down))
        data += (b"\0" + bytes([value]) * columns) * lines if columns else b""
    return data


@pytest.mark.parametrize(("height", "width"), [(16, 24), (15, 23), (1, 1), (2, 3), (9, 1), (1, 9)])
def test_an_interlaced_picture_is_whole_or_refused(height: int, width: int) -> None:
    header, data = ihdr(8, 0, 1, height, width), interlaced(height, width, 200)
    whole = decode_image(png(header, chunk(b"IDAT", zlib.compress(data)), END), MILLION)
    assert whole.shape == (height, width, 3)
    assert (whole == 200).all()
    for missing in {1, len(data) // 2, len(data)}:
        assert refused(png(header, chunk(b"IDAT", zlib.compress(data[:-missing])), END)).status == 400


@pytest.mark.parametrize("missing", [1, 73, 400, HEIGHT * (1 + 3 * WIDTH)])
@pytest.mark.parametrize("value", [0, 200])
def test_a_picture_of_too_few_rows_is_refused(missing: int, value: int) -> None:
    data = rows(np.full((HEIGHT, WIDTH, 3), value, np.uint8))
    assert (decode_image(png(ihdr(), chunk(b"IDAT", zlib.compress(data)), END), MILLION) == value).all()
    assert refused(png(ihdr(), chunk(b"IDAT", zlib.compress(data[:-missing])), END)).status == 400


def street(height: int, width: int) -> np.ndarray:
    """Smooth areas with noise, which compress as photos do."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(2).integers(-8, 8, (height, width, 3))
    return (np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("height", "width", "tries"), [(512, 1024, 100), (48, 64, 400)])
def test_one_flipped_bit_of_the_pixel_data_is_never_answered_with_a_picture(height, width, tries) -> None:
    buffer = io.BytesIO()
    Image.fromarray(street(height, width)).save(buffer, "PNG", compress_level=1)
    data = buffer.getvalue()
    spans, position = [], 33
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"IDAT":
            spans.append(np.arange(position + 8, position + 8 + length))
        position += 12 + length
    places, random = np.concatenate(spans), np.random.default_rng(3)
    for _ in range(tries):
        damaged = bytearray(data)
        damaged[int(random.choice(places))] ^= 1 << int(random.integers(8))
        assert refused(bytes(damaged)).status == 400


def test_flipped_bits_where_pillow_stops_before_the_checksum_are_refused() -> None:
    """More pixel data than rows: Pillow ends with the last row, and never reaches the checksum."""
    pixels = street(HEIGHT, WIDTH)
    stream = zlib.compress(rows(pixels) + bytes(3000), 0)
    place = stream.index(pixels.tobytes()[:24]) + 10
    damaged = stream[:place] + bytes([stream[place] ^ 1]) + stream[place + 1 :]
    data = png(ihdr(), chunk(b"IDAT", damaged, zlib.crc32(b"IDAT" + stream)), END)
    assert (np.asarray(Image.open(io.BytesIO(data))) != pixels).sum() >= 1
    assert refused(data).status == 400


def test_a_photo_may_have_thousands_of_chunks() -> None:
    assert read_header(png(ihdr(), chunk(b"tEXt", b"a\0b") * (MAX_PARTS - 2), DATA)).width == WIDTH
    pieces = [chunk(b"IDAT", STREAM[i : i + 1]) for i in range(len(STREAM))] + [chunk(b"IDAT")] * 30_000
    np.testing.assert_array_equal(decode_image(png(ihdr(), *pieces), MILLION), PIXELS)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: png(ihdr(), chunk(b"tEXt") * 600_000, DATA, END), id="empty texts"),
        pytest.param(lambda: png(ihdr(), chunk(b"prIv") * 600_000, DATA, END), id="private chunks"),
        pytest.param(
            lambda: png(ihdr(), chunk(b"fcTL", bytes(26)) * 200_000, DATA, END), id="frames of an animation"
        ),
        pytest.param(lambda: png(ihdr(), chunk(b"eXIf") * 600_000, DATA, END), id="empty EXIF data"),
        pytest.param(lambda: png(ihdr(), chunk(b"IDAT") * 600_000, DATA, END), id="empty pixel data"),
        pytest.param(
            lambda: png(ihdr(), chunk(b"IDAT", STREAM[:100]), chunk(b"IDAT") * 600_000), id="empty pixel data after"
        ),
        pytest.param(
            lambda: png(ihdr(), chunk(b"IDAT", zlib.compress(bytes(1 << 26), 1), 0)), id="bomb with a wrong checksum"
        ),
    ],
)
def test_files_of_nothing_but_headers_are_refused_at_once(make: Callable[[], bytes]) -> None:
    data = make()
    assert least_seconds(lambda: refused(data)) < 0.5


_LARGE_EXIF = tiff([(EXIF_DIRECTORY, LONG, 1, b"\x08\0\0\0")] * 65_535)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: png(ihdr(), DATA, chunk(b"prIv") * 600_000, END), id="private chunks after the pixels"),
        pytest.param(lambda: png(ihdr(), DATA) + bytes(8_000_000), id="zeros after the pixels"),
        pytest.param(
            lambda: png(ihdr(), chunk(b"eXIf", _LARGE_EXIF), DATA, END), id="65535 entries that point to themselves"
        ),
        pytest.param(
            lambda: png(ihdr(), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 26), 1)), DATA), id="bomb of text"
        ),
        pytest.param(
            lambda: png(ihdr(), chunk(b"IDAT", zlib.compress(rows(PIXELS) + bytes(1 << 26), 1))), id="bomb of pixels"
        ),
    ],
)
def test_bytes_that_no_pixel_depends_on_cost_little(make: Callable[[], bytes]) -> None:
    data = make()
    assert least_seconds(lambda: decode_image(data, MILLION)) < 0.5
    np.testing.assert_array_equal(decode_image(data, MILLION), PIXELS)


def test_nothing_is_said_on_the_console() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data, _ in PNGS.values():
            decode_image(data, MILLION)
