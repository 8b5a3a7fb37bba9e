"""The album: what a visitor keeps, where, and how much."""

from pathlib import Path

import pytest

from front.photos import album as album_module
from front.photos.album import Album, read_photo
from front.photos.label_files import LabelFile
from front.photos.picture import PhotoError
from tests.front.conftest import jpeg


def label(data: bytes) -> LabelFile:
    return LabelFile.of("label.png", data)


def test_the_uploaded_bytes_stay_as_they_are() -> None:
    data = jpeg()
    assert read_photo("a.jpg", data).data is data


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
    album.add_label(first.sha, label(b"truth"))
    album.add_label(second.sha, label(b"truth of the second"))
    album.remove(first.sha)
    assert list(album.labels) == [second.sha]
    album.clear()
    assert not album.labels


def test_labels_count_towards_what_a_session_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg()
    monkeypatch.setattr(album_module, "SESSION_BYTES", len(data) + 100)
    album = Album()
    photo = album.add("a.jpg", data)
    album.add_label(photo.sha, label(bytes(90)))
    album.add_label(photo.sha, label(bytes(95)))  # in place of the first
    with pytest.raises(PhotoError, match=r"label\.png does not fit"):
        album.add_label(photo.sha, label(bytes(101)))
    with pytest.raises(PhotoError, match="Remove other photos"):
        album.add("b.jpg", jpeg(seed=9))


def test_bytes_lie_in_files_of_the_visitor_and_go_with_the_photo() -> None:
    album, data = Album(), jpeg()
    photo = album.add("a.jpg", data)
    album.add_label(photo.sha, label(b"truth"))
    kept = [photo.kept, album.labels[photo.sha].kept]
    assert isinstance(kept[0], Path)
    assert isinstance(kept[1], Path)
    assert (photo.data, album.labels[photo.sha].data) == (data, b"truth")
    assert kept[0].parent.stat().st_mode & 0o077 == 0
    album.remove(photo.sha)
    assert not kept[0].exists()
    assert not kept[1].exists()


def test_files_go_with_the_last_who_holds_the_album() -> None:
    album = Album()
    photo = album.add("a.jpg", jpeg())
    assert isinstance(photo.kept, Path)
    folder = photo.kept.parent
    del album
    assert not folder.exists()


def test_a_photo_that_another_window_removed_says_so() -> None:
    album = Album()
    photo = album.add("a.jpg", jpeg())
    album.clear()
    with pytest.raises(PhotoError, match=r"a\.jpg has been removed"):
        photo.data  # noqa: B018


def test_a_disk_that_is_full_is_told_and_nothing_half_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    album = Album()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(PhotoError, match=r"a\.jpg cannot be kept .*: No space left on device"):
        album.add("a.jpg", jpeg())
    assert (album.photos, album.current) == ({}, None)
