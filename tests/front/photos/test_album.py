"""Photos: what is read, how it is shown, what is refused, and what a session keeps."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from front.photos import album as album_module
from front.photos.album import Album, PhotoError, album_of, display_size, preview, read_photo, shrink_map
from tests.front.conftest import jpeg


def png(array: np.ndarray, mode: str | None = None) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(out, "PNG")
    return out.getvalue()


def test_a_turned_phone_photo_has_the_size_that_is_seen() -> None:
    photo = read_photo("phone.jpg", jpeg(60, 120, orientation=6))
    assert (photo.width, photo.height) == (60, 120)
    assert Image.open(io.BytesIO(preview(photo))).size == (60, 120)


def test_the_uploaded_bytes_stay_as_they_are() -> None:
    data = jpeg()
    assert read_photo("a.jpg", data).data is data


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "not an image"), (b"hello", "not an image"), (b"GIF89a" + bytes(40), "Use a JPEG, PNG or WEBP")],
)
def test_a_file_that_is_no_image_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(PhotoError, match=words) as caught:
        read_photo("notes.jpg", data)
    assert "notes.jpg" in str(caught.value)


def test_a_truncated_photo_is_refused_when_it_is_shown() -> None:
    data = jpeg(200, 200)
    with pytest.raises(PhotoError, match="damaged"):
        preview(read_photo("half.jpg", data[: len(data) // 2]))


def test_too_many_pixels_are_refused_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(album_module, "MAX_PIXELS", 5_000)
    with pytest.raises(PhotoError, match="Scale it down"):
        read_photo("huge.jpg", jpeg(60, 120))


def test_a_preview_is_small_and_rgb_whatever_the_file_s_mode() -> None:
    grey = np.linspace(0, 65535, 80 * 40, dtype=np.uint16).reshape(40, 80)
    for array, mode in ((np.zeros((40, 80, 4), np.uint8), None), (grey, None), (np.zeros((40, 80), np.uint8), "P")):
        shown = Image.open(io.BytesIO(preview(read_photo("a.png", png(array, mode)), side=40)))
        assert (shown.mode, shown.size) == ("RGB", (40, 20))
    sixteen = np.asarray(Image.open(io.BytesIO(preview(read_photo("a.png", png(grey))))))
    assert sixteen[0, 0, 0] < 20
    assert sixteen[-1, -1, 0] > 235


@settings(deadline=None)
@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_the_display_size_keeps_the_aspect_and_never_enlarges(width: int, height: int) -> None:
    w, h = display_size(width, height)
    assert 1 <= w <= min(width, album_module.DISPLAY_SIDE)
    assert 1 <= h <= min(height, album_module.DISPLAY_SIDE)
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


def test_an_album_keeps_one_copy_of_each_photo_and_looks_at_the_first() -> None:
    album = Album()
    first = album.add("a.jpg", jpeg(seed=1))
    album.add("again.jpg", jpeg(seed=1))
    second = album.add("b.jpg", jpeg(seed=2))
    assert list(album.photos) == [first.sha, second.sha]
    assert album.current == first
    album.remove(first.sha)
    assert album.current == second
    album.clear()
    assert album.current is None


def test_a_full_session_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg()
    monkeypatch.setattr(album_module, "SESSION_BYTES", len(data))
    album = Album()
    album.add("a.jpg", data)
    with pytest.raises(PhotoError, match="Remove other photos"):
        album.add("b.jpg", jpeg(seed=9))


def test_a_label_goes_with_its_photo() -> None:
    album = Album()
    first, second = (album.add(f"{i}.jpg", jpeg(seed=i)) for i in (1, 2))
    album.add_label(first.sha, "label.png", b"truth")
    album.add_label(second.sha, "label.png", b"truth of the second")
    album.remove(first.sha)
    assert list(album.labels) == [second.sha]
    album.clear()
    assert not album.labels


def test_labels_count_towards_what_a_session_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg()
    monkeypatch.setattr(album_module, "SESSION_BYTES", len(data) + 100)
    album = Album()
    photo = album.add("a.jpg", data)
    album.add_label(photo.sha, "label.png", bytes(90))
    album.add_label(photo.sha, "label.png", bytes(95))  # in place of the first
    with pytest.raises(PhotoError, match=r"label\.png does not fit"):
        album.add_label(photo.sha, "label.png", bytes(101))
    with pytest.raises(PhotoError, match="Remove other photos"):
        album.add("b.jpg", jpeg(seed=9))


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
    photo = read_photo("phone.jpg", jpeg(750, 1000, orientation=orientation))
    shown = Image.open(io.BytesIO(preview(photo, side=400)))
    assert decoded == [(500, 375)]  # half, not the whole 1000 x 750
    assert shown.size == ((400, 300) if orientation == 1 else (300, 400))


def test_the_album_outlives_reruns() -> None:
    session: dict[str, object] = {}
    album = album_of(session)
    assert album_of(session) is album
