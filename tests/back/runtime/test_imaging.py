import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime.imaging import ImageError, count_pixels, decode_image, open_photo

MILLION = 1_000_000


def photo(height=20, width=30, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def refused(data, max_pixels=MILLION):
    with pytest.raises(ImageError) as caught:
        decode_image(data, max_pixels)
    return caught.value


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_lossless_formats_come_back_exactly(kind, options):
    np.testing.assert_array_equal(decode_image(encoded(photo(), kind, **options), MILLION), photo())


def test_jpeg_comes_back_as_pillow_decodes_it():
    data = encoded(photo(), "JPEG", quality=90)
    np.testing.assert_array_equal(decode_image(data, MILLION), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    # What each value means, by the EXIF standard: which side of the stored picture is the top and the left.
    stored = photo(4, 6)
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored[::-1].transpose(1, 0, 2),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: stored[:, ::-1].transpose(1, 0, 2),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode_image(encoded(stored, "PNG", exif=exif), MILLION), upright)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_orientation_values_that_mean_nothing_are_ignored(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode_image(encoded(photo(), "PNG", exif=exif), MILLION), photo())


def test_broken_exif_is_ignored():
    data = encoded(photo(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff garbage")
    assert decode_image(data, MILLION).shape == (20, 30, 3)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1"])
def test_other_modes_become_rgb(mode):
    source = Image.fromarray(photo()).convert(mode)
    expected = np.asarray(source.convert("RGB"))
    np.testing.assert_array_equal(decode_image(encoded(source), MILLION), expected)


def test_transparent_palette_keeps_its_colours():
    source = Image.fromarray(photo()).convert("P")
    data = encoded(source, transparency=bytes([0, 128] * 60))
    np.testing.assert_array_equal(decode_image(data, MILLION), np.asarray(source.convert("RGB")))


def test_sixteen_bit_grey_keeps_its_high_byte():
    grey = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    decoded = decode_image(encoded(Image.fromarray(grey)), MILLION)
    np.testing.assert_array_equal(decoded, np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, 2))


def test_cmyk_jpeg_becomes_rgb():
    data = encoded(Image.new("CMYK", (30, 20), (0, 255, 255, 0)), "JPEG", quality=95)  # full magenta and yellow: red
    red = decode_image(data, MILLION)[10, 15]
    assert red[0] > 200
    assert red[1:].max() < 60


def test_first_picture_of_a_phones_multi_picture_jpeg():
    pictures = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    data = encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:])
    assert decode_image(data, MILLION)[10, 15].tolist() == pytest.approx([254, 0, 0], abs=3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind):
    frames = [Image.fromarray(photo(seed=i)) for i in range(3)]
    error = refused(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert error.status == 415
    assert "animation" in str(error)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_other_formats_are_refused(kind):
    error = refused(encoded(photo(32, 32), kind))
    assert error.status == 415
    assert "JPEG, PNG, WEBP, HEIC or AVIF" in str(error)


@pytest.mark.parametrize("data", [b"hello", b"<svg></svg>", b"%PDF-1.7", b"\x00" * 500])
def test_what_is_no_picture_is_refused(data):
    assert refused(data).status == 415


def test_empty_is_refused():
    assert refused(b"").status == 400


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kept", [0.03, 0.3, 0.6, 0.95])
def test_cut_off_files_are_refused(kind, kept):
    data = encoded(photo(64, 64), kind)
    error = refused(data[: int(len(data) * kept)])
    assert error.status == 400
    assert "damaged" in str(error)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_bytes_give_a_picture_or_an_image_error(kind, edits):
    data = bytearray(encoded(photo(16, 16), kind))
    for position, value in edits:
        data[position % len(data)] = value
    try:
        decoded = decode_image(bytes(data), 100_000)
    except ImageError as error:
        outcome = error.status in (400, 413, 415)
    else:
        height, width, channels = decoded.shape
        outcome = decoded.dtype == np.uint8 and channels == 3 and height * width <= 100_000
    assert outcome


def test_pixel_limit_holds_to_the_pixel():
    data = encoded(photo(20, 30))
    assert decode_image(data, 600).shape == (20, 30, 3)
    error = refused(data, 599)
    assert error.status == 413
    assert "30 x 20" in str(error)


@pytest.mark.parametrize("side", [20_000, 60_000])
def test_a_bomb_is_refused_by_its_header(side):
    # A few hundred bytes that claim a picture of gigabytes; its data is never touched, so it need not be there.
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100)))
    assert refused(data, 50 * MILLION).status == 413


def smooth(height, width):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) % 256 // 4], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("needed", "decoded"),
    [
        ((100, 150), (100, 150)),
        ((99, 140), (100, 150)),
        ((101, 100), (200, 300)),
        ((1, 1), (50, 75)),
        ((800, 9), None),
    ],
)
def test_a_jpeg_is_decoded_as_small_as_its_reader_can_take(needed, decoded):
    photo = open_photo(encoded(smooth(400, 600), "JPEG", quality=95), MILLION, lambda height, width: needed)
    assert (photo.height, photo.width) == (400, 600)
    height, width = decoded or (400, 600)
    assert photo.image.size == (width, height)
    expected = Image.fromarray(smooth(400, 600)).resize((width, height), Image.Resampling.BOX)
    assert np.abs(np.asarray(photo.image, np.int16) - np.asarray(expected, np.int16)).mean() < 2


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_jpeg_is_measured_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    asked = []

    def needed(height, width):
        asked.append((height, width))
        return height // 4, width // 4

    photo = open_photo(encoded(smooth(400, 600), "JPEG", exif=exif), MILLION, needed)
    height, width = (400, 600) if orientation in (1, 3) else (600, 400)
    assert asked == [(photo.height, photo.width)] == [(height, width)]
    assert photo.image.size == (width // 4, height // 4)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_formats_are_decoded_in_full(kind):
    photo = open_photo(encoded(smooth(400, 600), kind), MILLION, lambda height, width: (10, 10))
    assert photo.image.size == (600, 400)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("needed", [None, (100, 150), (33, 40), (900, 900)])
def test_the_header_tells_how_much_will_be_decoded(kind, needed):
    data = encoded(smooth(400, 600), kind)
    ask = None if needed is None else lambda height, width: needed
    held = open_photo(data, MILLION, ask).image
    pixels, decoded = count_pixels(io.BytesIO(data), ask)
    assert pixels == 400 * 600
    assert held.width * held.height <= decoded <= pixels
    if kind == "JPEG" and needed == (100, 150):
        assert decoded <= 4 * 100 * 150


def test_a_phones_jpeg_of_several_pictures_is_decoded_small_too():
    first, second = (Image.fromarray(smooth(height, 600)) for height in (400, 200))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    photo = open_photo(data, MILLION, lambda height, width: (100, 150))
    assert photo.image.size == (150, 100)
    assert count_pixels(io.BytesIO(data), lambda height, width: (100, 150)) == (400 * 600, 4 * 100 * 150)


def test_what_is_no_picture_holds_no_pixels():
    assert count_pixels(io.BytesIO(b"no picture")) == (0, 0)
