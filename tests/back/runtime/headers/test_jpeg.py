import io
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from back.runtime.headers.base import MAX_PARTS, ImageError
from back.runtime.headers.jpeg import read_jpeg
from back.runtime.headers.read import read_header
from back.runtime.imaging import decode_image
from tests.clock import least_seconds
from tests.photo_files import EXIF, HEIGHT, JPEGS, PIXELS, WIDTH, exif_segment, jpeg, plain_jpeg, segment

MILLION = 1_000_000
FRAME = b"\xff\xc0"


@pytest.mark.parametrize("name", JPEGS)
def test_orientation_is_the_one_that_chromium_shows(name: str) -> None:
    data, orientation = JPEGS[name]
    header = read_header(data)
    assert (header.format, header.width, header.height) == ("JPEG", WIDTH, HEIGHT)
    assert header.orientation == orientation


@pytest.mark.parametrize("name", EXIF)
def test_exif_data_whatever_they_hold_change_no_pixel(name: str) -> None:
    block, orientation = EXIF[name]
    expected = np.asarray(Image.open(io.BytesIO(plain_jpeg())))
    turned = decode_image(jpeg(exif_segment(block)), MILLION)
    # By the EXIF standard: which side of the stored picture is the top and the left.
    stored = {
        1: turned,
        2: turned[:, ::-1],
        3: turned[::-1, ::-1],
        4: turned[::-1],
        5: turned.transpose(1, 0, 2),
        6: turned.transpose(1, 0, 2)[::-1],
        7: turned.transpose(1, 0, 2)[::-1, ::-1],
        8: turned.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    np.testing.assert_array_equal(stored, expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_pixels_are_those_of_pillow(mode: str, options: dict[str, object]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, "JPEG", comment=b"c" * 500, dpi=(72, 72), **options)
    expected = np.asarray(Image.open(buffer).convert("RGB"))
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), MILLION), expected)


@pytest.mark.parametrize("transform", [0, 1])
def test_how_colours_are_stored_is_read_from_adobes_segment(transform: int) -> None:
    jfif = plain_jpeg()
    data = jfif[:2] + segment(0xEE, b"Adobe" + bytes([0, 100, 0, 0, 0, 0, transform])) + jfif[20:]
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert (expected == np.asarray(Image.open(io.BytesIO(jfif)))).all() == (transform == 1)
    np.testing.assert_array_equal(decode_image(data, MILLION), expected)


def test_previews_profiles_and_notes_do_not_reach_the_decoder() -> None:
    data = jpeg(*[segment(marker, b"secret" * 100) for marker in (*range(0xE0, 0xF0), 0xFE)])
    decodable = read_jpeg(data).decodable()
    assert b"secret" not in decodable
    np.testing.assert_array_equal(decode_image(data, MILLION), np.asarray(Image.open(io.BytesIO(plain_jpeg()))))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"\xff\xd8\xff", "before its picture", id="signature alone"),
        pytest.param(b"\xff\xd8\xff\xd9", "no picture", id="end at once"),
        pytest.param(b"\xff\xd8" + plain_jpeg(), "no picture", id="two starts"),
        pytest.param(jpeg(b"\xff\x02\0\4ab"), "no picture", id="reserved marker"),
        pytest.param(b"\xff\xd8\xff\xe1\xff", "before its picture", id="half a length"),
        pytest.param(b"\xff\xd8\xff\xe1\xff\xff" + bytes(100), "before its picture", id="segment cut off"),
        pytest.param(b"\xff\xd8" + segment(0xDA), "no size", id="no frame"),
        pytest.param(b"\xff\xd8" + segment(0xC0, b"\x08\0") + segment(0xDA), "too short", id="short frame"),
        pytest.param(
            b"\xff\xd8" + segment(0xC0, b"\x08\0\0\0\x09\3") + segment(0xDA), "9 x 0", id="no height in the frame"
        ),
    ],
)
def test_a_header_that_is_broken_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason) as caught:
        read_header(data)
    assert caught.value.status == 400


@pytest.mark.parametrize(("byte", "value"), [(4, 12), (9, 2)])
def test_rare_kinds_are_refused_by_name(byte: int, value: int) -> None:
    data = bytearray(plain_jpeg())
    data[data.index(FRAME) + byte] = value
    with pytest.raises(ImageError, match="rare kind") as caught:
        decode_image(bytes(data), MILLION)
    assert caught.value.status == 415


_TABLE = segment(0xDB, b"\0" + bytes(range(1, 65)))


def test_a_photo_may_have_thousands_of_segments() -> None:
    assert read_header(jpeg(segment(0xEF) * (MAX_PARTS - 20))).width == WIDTH


# At 31 MB, a request's limit, each took up to 78 s in Pillow's parser, or in its decoder. Here 8 MB.
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b"\xff\xd8" + b"\xff" * 8_000_000 + plain_jpeg()[2:], id="fill bytes"),
        pytest.param(lambda: b"\xff\xd8" + b"\xff" * 8_000_000, id="nothing but fill bytes"),
        pytest.param(lambda: b"\xff\xd8\xff" + b"\xff\0" * 4_000_000 + plain_jpeg()[2:], id="stray pairs"),
        pytest.param(lambda: jpeg(b"\xff" + bytes(8_000_000)), id="stray zeros"),
        pytest.param(lambda: jpeg((b"a" * 5000 + segment(0xEF)) * 1600), id="stray bytes between segments"),
        pytest.param(lambda: jpeg(segment(0xEF) * 2_000_000), id="empty application segments"),
        pytest.param(lambda: jpeg(segment(0xFE, b"c") * 1_600_000), id="comments"),
        pytest.param(lambda: jpeg(b"\xff\xd0" * 4_000_000), id="restart markers"),
        pytest.param(lambda: jpeg(segment(0xDB, _TABLE[4:] * 1000) * 120), id="tables"),
        pytest.param(lambda: jpeg(segment(0xC4, bytes(17)) * 400_000), id="empty tables"),
        pytest.param(lambda: jpeg(segment(0xEE, b"Adobe" + bytes(7)) * 400_000), id="colour segments"),
        pytest.param(lambda: jpeg(segment(0xE2, b"MPF\0" + bytes(8)) * 2_000_000), id="lists of pictures"),
    ],
)
def test_files_of_nothing_but_headers_are_refused_at_once(make: Callable[[], bytes]) -> None:
    data = make()

    def refuse() -> None:
        with pytest.raises(ImageError):
            decode_image(data, MILLION)

    assert least_seconds(refuse) < 0.5


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: plain_jpeg()[:-2] + b"\xff" * 8_000_000 + b"\xff\xd9", id="fill bytes behind the scan"),
        pytest.param(lambda: plain_jpeg() + b"\xff\xda" * 4_000_000, id="scans behind the end"),
        pytest.param(lambda: jpeg(exif_segment(bytes(65_000)) * 120), id="EXIF data"),
        pytest.param(
            lambda: jpeg(segment(0xED, b"Photoshop 3.0\0" + b"8BIM" * 16_000) * 120), id="Photoshop's notes"
        ),
    ],
)
def test_bytes_that_no_pixel_depends_on_cost_little(make: Callable[[], bytes]) -> None:
    data = make()
    assert least_seconds(lambda: decode_image(data, MILLION)) < 0.5
    np.testing.assert_array_equal(decode_image(data, MILLION), np.asarray(Image.open(io.BytesIO(plain_jpeg()))))


def test_a_progressive_jpeg_of_thousands_of_passes_is_refused() -> None:
    data = plain_jpeg(np.zeros((4000, 4000, 3), np.uint8), progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert decode_image(data[:-2] + last + b"\xff\xd9", 16 * MILLION).shape == (4000, 4000, 3)
    hidden = segment(0xFE, b"\xff\xd9")  # an end that is none
    for passes in (last * 5000, hidden + last * 5000, segment(0xEF) * 100_000):
        start = time.thread_time()
        with pytest.raises(ImageError, match=r"passes|segments"):
            decode_image(data[:-2] + passes + b"\xff\xd9", 16 * MILLION)
        assert time.thread_time() - start < 1
