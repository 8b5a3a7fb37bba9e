"""Zips and folders that want to be more than photos with labels: refused or listed, in bounded room."""

import contextlib
import io
import stat
import zipfile
from pathlib import Path

import pytest

from back.runtime.errors import InputError
from back.runtime.evaluation.collect import collect
from back.runtime.evaluation.limits import EvaluationLimits, is_picture_file
from back.runtime.evaluation.unpack import Unpacked, unpack
from back.runtime.evaluation.work import work
from tests.labelled import pairs, scene, zipped

LIMITS = EvaluationLimits(bytes=1_000_000, photos=50, pixels=1_000_000)


def unpacked(folder: Path, *sent: tuple[str, bytes]) -> Unpacked:
    """What comes of it, in `folder / "data"`."""
    files = []
    for number, (name, data) in enumerate(sent):
        (folder / str(number)).write_bytes(data)
        files.append((name, folder / str(number)))
    return unpack(files, folder / "data", LIMITS)


def everything_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


@pytest.mark.parametrize(
    "name",
    ["../out.png", "images/../../out.png", "/etc/out.png", "C:\\out.png", "..\\out.png", "images/..\\..\\x.png"],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="would leave its folder"):
        unpacked(tmp_path, ("x.zip", zipped({"images/a.png": scene()[0], name: scene()[0]})))
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="would leave its folder"):
        unpacked(tmp_path / "b", (name, scene()[0]))
    assert not list(tmp_path.rglob("out.png")) + list(tmp_path.rglob("x.png"))


def test_a_bomb_is_stopped_while_it_unpacks_whatever_it_says_of_its_size(tmp_path: Path) -> None:
    honest = zipped({"images/a.png": bytes(3_000_000)})
    assert len(honest) < 10_000
    # The size that the central directory and the local header tell: a lie.
    lying = honest.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    for place, data in (("honest", honest), ("lying", lying)):
        (tmp_path / place).mkdir()
        with contextlib.nullcontext() if place == "lying" else pytest.raises(InputError, match="Unpacked the files"):
            assert unpacked(tmp_path / place, ("x.zip", data)).bytes <= LIMITS.unpacked_bytes
        left = sum(path.stat().st_size for path in (tmp_path / place / "data").rglob("*") if path.is_file())
        assert left <= LIMITS.unpacked_bytes


def test_a_zip_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    done = unpacked(tmp_path, ("x.zip", zipped({"inner.zip": zipped(pairs(1))} | pairs(1))))
    assert everything_below(tmp_path / "data") == set(pairs(1))
    assert "other kinds" in done.sentences()[0]


def test_links_are_left_out_and_told(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("images/a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("labels/a.png", scene()[1])
    done = unpacked(tmp_path, ("x.zip", out.getvalue()))
    assert everything_below(tmp_path / "data") == {"labels/a.png"}
    assert done.sentences() == ["links, left out: 1: images/a.png; send the files themselves"]


def test_entries_without_end_are_refused_before_one_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("back.runtime.evaluation.unpack.MAX_ENTRIES", 100)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(101):
            archive.writestr(f"{number}.png", b"")
    with pytest.raises(InputError, match="101 entries, more than the 100 allowed"):
        unpacked(tmp_path, ("x.zip", out.getvalue()))
    assert everything_below(tmp_path / "data") == set()


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        ({"a.png": b"x", "a.png/b.png": b"x"}, {"a.png"}),  # a file where a folder should be
        ({"A.png": b"x", "a.PNG": b"y"}, {"A.png"}),
        ({"x" * 300 + ".png": b"x", "b\x1b[31m.png": b"x", "/".join("d" * 12) + "/c.png": b"x"}, set()),
        ({"__MACOSX/._a.png": b"x", ".hidden/a.png": b"x", "run.sh": b"x", "a.png.exe": b"x"}, set()),
    ],
)
def test_names_that_cannot_be_kept_are_left_out(tmp_path: Path, files: dict[str, bytes], kept: set[str]) -> None:
    done = unpacked(tmp_path, ("x.zip", zipped(files)))
    assert everything_below(tmp_path / "data") == kept
    assert all(sentence.isprintable() for sentence in done.sentences())


@pytest.mark.parametrize(
    ("damage", "whole"), [("cut off", True), ("junk", True), ("entry", False), ("encrypted", False)]
)
def test_a_damaged_zip_ends_in_a_sentence(tmp_path: Path, damage: str, whole: bool) -> None:
    data = bytearray(zipped(pairs(2), zipfile.ZIP_STORED))
    if damage == "cut off":
        del data[len(data) // 2 :]
    elif damage == "junk":
        data[4:] = b"junk" * 100
    elif damage == "entry":
        data[60:80] = bytes(20)
    else:
        for place in range(len(data) - 46):
            if data[place : place + 4] == b"PK\x01\x02":
                data[place + 8] |= 1
    if whole:
        with pytest.raises(InputError, match="damaged or cut off"):
            unpacked(tmp_path, ("x.zip", bytes(data)))
    else:
        assert "damaged or encrypted" in unpacked(tmp_path, ("x.zip", bytes(data))).sentences()[0]


def test_labels_that_are_bombs_or_no_labels_stop_no_look_at_the_others(tmp_path: Path) -> None:
    files = pairs(3)
    big = scene()[1][:16] + (60_000).to_bytes(4, "big") * 2 + scene()[1][24:]
    files |= {"images/zbig.png": scene()[0], "labels/zbig.png": big}
    files |= {"images/zphoto.png": scene()[0], "labels/zphoto.png": scene()[0]}
    unpacked(tmp_path, ("x.zip", zipped(files)))
    root = str(tmp_path / "data")
    limits = {"bytes": LIMITS.bytes, "photos": LIMITS.photos, "pixels": LIMITS.pixels}
    told = work({"action": "look", "root": root, "inside": root, "split": None, "limits": limits})
    assert (told["pictures"], told["values"]) == (5, list(range(8)))


def test_too_many_photos_are_refused_with_their_number(tmp_path: Path) -> None:
    few = EvaluationLimits(LIMITS.bytes, 2, LIMITS.pixels)
    unpacked(tmp_path, ("x.zip", zipped(pairs(3))))
    with pytest.raises(InputError, match="3 labelled photos, more than the 2 allowed") as raised:
        collect(tmp_path / "data", None, few)
    assert raised.value.status == 413


@pytest.mark.parametrize("name", ["000001-photo.jpg", "000001-truth.png"])
def test_only_names_of_pictures_are_names_of_pictures(name: str) -> None:
    assert is_picture_file(name)
    for wrong in (f"../{name}", name.replace("-", "-../"), f"{name}\n", name.replace("0", "٠"), "jobs.db", ""):
        assert not is_picture_file(wrong)
    assert not is_picture_file("000001-photo.png")
