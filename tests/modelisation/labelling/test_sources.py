"""Which photos folders and lists name, and what their labels are called."""

from pathlib import Path

import pytest

from back.runtime.errors import UserError
from modelisation.labelling.source import Source
from modelisation.labelling.sources import find_sources
from tests.modelisation.labelling.photos import write_photos


def names(*paths: Path, out: Path) -> dict[str, str]:
    return {one.name: one.file for one in find_sources([str(path) for path in paths], out).sources}


def write_list(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_list_names_photos_from_its_own_folder_and_their_labels_lie_alike(tmp_path: Path) -> None:
    write_photos(tmp_path / "work" / "ulm" / "north", 2)
    write_photos(tmp_path / "elsewhere", 1)
    absolute = tmp_path / "elsewhere" / "00.png"
    lines = ["ulm/north/00.png", "./ulm/north/../north/01.png", "", "../elsewhere/00.png", str(absolute), "gone.jpg"]
    list_ = write_list(tmp_path / "work" / "list.txt", *lines)
    found = names(list_, out=tmp_path / "out")
    outside = absolute.with_suffix("").relative_to("/").as_posix()
    assert list(found) == ["ulm/north/00", "ulm/north/01", outside, "gone"]
    assert Path(found["ulm/north/00"]) == tmp_path / "work" / "ulm" / "north" / "00.png"


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa.jpg\r\nb c.jpg\r\n", b"a.jpg\nb c.jpg", b"\na.jpg\n\nb c.jpg\n"])
def test_lists_of_every_system_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.TXT").write_bytes(content)
    assert list(names(tmp_path / "list.TXT", out=tmp_path / "out")) == ["a", "b c"]


def test_a_name_that_is_no_utf8_is_kept(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"caf\xe9.jpg\n")
    (found,) = find_sources([str(tmp_path / "list.txt")], tmp_path / "out").sources
    assert found.path == tmp_path / "caf\udce9.jpg"


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "names no photo"), (b" \n\n", "names no photo"), (b"\x89PNG\0\0", "is no list")]
)
def test_what_is_no_list_is_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        find_sources([str(tmp_path / "list.txt")], tmp_path / "out")


def test_of_two_photos_of_a_list_that_share_a_name_the_first_is_read_and_the_other_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    (tmp_path / "a.jpg").write_bytes(b"two")
    list_ = write_list(tmp_path / "list.txt", "a.png", "a.jpg", "a.png")
    found = find_sources([str(list_)], tmp_path / "out")
    assert found.sources == (Source(str(tmp_path / "a.png"), "a"),)
    ((file, error),) = found.refused
    assert file == str(tmp_path / "a.jpg")
    assert "two photos are called a" in error


def test_labels_are_not_laid_beside_the_photos_of_a_list(tmp_path: Path) -> None:
    write_photos(tmp_path / "ulm", 1)
    list_ = write_list(tmp_path / "list.txt", "ulm/00.png")
    with pytest.raises(UserError, match="is the photos' own folder"):
        find_sources([str(list_)], tmp_path)


def test_files_left_out_of_a_folder_are_told_with_the_reason(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 1)
    (tmp_path / "photos" / "b.tif").touch()
    (tmp_path / "photos" / "notes.txt").touch()
    found = find_sources([str(tmp_path / "photos")], tmp_path / "out")
    ((file, error),) = found.errors()
    assert file == str(tmp_path / "photos" / "b.tif")
    assert "of a kind that is not read" in error
