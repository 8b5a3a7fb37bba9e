"""Pictures: what is read, how it is turned and shown, and what is refused."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime.headers.heif import is_heif
from back.runtime.imaging import open_photo
from front.photos import picture
from front.photos.picture import PhotoError, display_size, preview_of_file, shrink_map, size_of
from tests.front.conftest import jpeg
from tests.heif_files import avif, heic


def png(array: np.ndarray, mode: str | None = None) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(out, "PNG")
    return out.getvalue()


def test_a_turned_phone_photo_has_the_size_that_is_seen() -> None:
    data = jpeg(60, 120, orientation=6)
    assert size_of("phone.jpg", data) == (60, 120)
    assert Image.open(io.BytesIO(preview_of_file("phone.jpg", data))).size == (60, 120)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an image"),
        (b"hello", "not an image"),
        (b"GIF89a" + bytes(40), "Use a JPEG, PNG, WEBP, HEIC or AVIF"),
    ],
)
def test_a_file_that_is_no_image_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(PhotoError, match=words) as caught:
        size_of("notes.jpg", data)
    assert "notes.jpg" in str(caught.value)


def test_a_truncated_photo_is_refused_when_it_is_shown() -> None:
    data = jpeg(200, 200)
    with pytest.raises(PhotoError, match="damaged"):
        preview_of_file("half.jpg", data[: len(data) // 2])


def test_too_many_pixels_are_refused_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_PIXELS", 5_000)
    with pytest.raises(PhotoError, match="Scale it down"):
        size_of("huge.jpg", jpeg(60, 120))


def test_a_preview_is_small_and_rgb_whatever_the_file_s_mode() -> None:
    grey = np.linspace(0, 65535, 80 * 40, dtype=np.uint16).reshape(40, 80)
    for array, mode in ((np.zeros((40, 80, 4), np.uint8), None), (grey, None), (np.zeros((40, 80), np.uint8), "P")):
        shown = Image.open(io.BytesIO(preview_of_file("a.png", png(array, mode), side=40)))
        assert (shown.mode, shown.size) == ("RGB", (40, 20))
    sixteen = np.asarray(Image.open(io.BytesIO(preview_of_file("a.png", png(grey)))))
    assert sixteen[0, 0, 0] < 20
    assert sixteen[-1, -1, 0] > 235


@settings(deadline=None)
@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_the_display_size_keeps_the_aspect_and_never_enlarges(width: int, height: int) -> None:
    w, h = display_size(width, height)
    assert 1 <= w <= min(width, picture.DISPLAY_SIDE)
    assert 1 <= h <= min(height, picture.DISPLAY_SIDE)
    assert abs(w * height - h * width) <= max(width, height)


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 30))
def test_shrinking_a_class_map_invents_no_class(width: int, height: int, side: int) -> None:
    labels = (np.arange(width * height).reshape(height, width) % 9).astype(np.uint8)
    small = np.asarray(Image.open(io.BytesIO(shrink_map(png(labels), display_size(width, height, side)))))
    assert set(np.unique(small)) <= set(np.unique(labels))


def test_a_class_map_that_is_not_grey_is_refused() -> None:
    with pytest.raises(PhotoError, match="8-bit grey"):
        shrink_map(png(np.zeros((4, 4, 3), np.uint8)), (4, 4))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_to_about_the_size_that_is_shown(
    monkeypatch: pytest.MonkeyPatch, orientation: int
) -> None:
    decoded: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def counted(image: Image.Image, *arguments: Any, **options: Any) -> Image.Image:
        image.load()
        decoded.append(image.size)
        return resize(image, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", counted)
    data = jpeg(750, 1000, orientation=orientation)
    shown = Image.open(io.BytesIO(preview_of_file("phone.jpg", data, side=400)))
    assert decoded == [(500, 375)]  # half, not the whole 1000 x 750
    assert shown.size == ((400, 300) if orientation == 1 else (300, 400))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_every_kind_of_photo_has_the_pixels_that_the_api_sees(mode: str) -> None:
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (8, 9), dtype=np.uint16))
    else:
        image = Image.fromarray(rng.integers(0, 256, (8, 9, 4), dtype=np.uint8)).convert(
            "RGB" if mode in ("P", "1", "CMYK") else mode
        )
        image = image.convert(mode)
    image.save(out, "JPEG" if mode == "CMYK" else "PNG", **({"transparency": 3} if mode == "P" else {}))
    expected = np.asarray(open_photo(out.getvalue(), 1000).image)
    np.testing.assert_array_equal(np.asarray(picture.upright_pixels("photo", out.getvalue())), expected)


def test_a_file_that_makes_the_decoder_fail_in_an_unknown_way_is_called_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise IndexError("inside the decoder")

    monkeypatch.setattr(Image.Image, "resize", fail)
    with pytest.raises(PhotoError, match=r"street\.jpg is damaged"):
        preview_of_file("street.jpg", jpeg(), side=10)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (heic(), True),
        (avif(), True),
        (jpeg(), False),
        (b"", False),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", False),
    ],
)
def test_what_the_api_must_decode_is_told_by_its_first_bytes(data: bytes, expected: bool) -> None:
    assert picture.needs_api(data) is expected
    assert is_heif(data) is expected  # the API's own view
