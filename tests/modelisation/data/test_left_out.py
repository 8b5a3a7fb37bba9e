"""What the loader reads, the doctor counts; what the loader leaves out, it says in the doctor's words."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from back.evaluated_images import find_picture
from back.runtime.layouts.listing import REASONS
from modelisation.data.base import DatasetError
from modelisation.data.open import open_dataset
from modelisation.doctor.diagnose import diagnose
from modelisation.doctor.faults import KINDS


def picture(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (6, 4), 7 if mode == "L" else (1, 2, 3)).save(path)


def pair(root: Path, name: str, label: str | None = None) -> None:
    picture(root / "val" / "images" / name)
    picture(root / "val" / "labels" / (label or f"{Path(name).stem}.png"), "L")


def cityscapes(root: Path, name: str) -> None:
    picture(root / "leftImg8bit" / "val" / "ulm" / f"{Path(name).stem}_leftImg8bit{Path(name).suffix}")
    picture(root / "gtFine" / "val" / "ulm" / f"{Path(name).stem}_gtFine_labelIds.png", "L")


def camvid(root: Path, name: str) -> None:
    picture(root / "val" / name)
    picture(root / "valannot" / f"{Path(name).stem}.png", "L")


def upper_case(root: Path) -> None:
    pair(root, "b.PNG", "b.PNG")


def jpeg_beside_png(root: Path) -> None:
    picture(root / "val" / "images" / "a.jpg")


def labels_twice(root: Path) -> None:
    picture(root / "val" / "labels" / "a.PNG", "L")


def in_a_subfolder(root: Path) -> None:
    pair(root, "ulm/b.png", "ulm/b.png")


def companions(root: Path) -> None:
    for folder in ("images", "labels"):
        (root / "val" / folder / "._a.png").write_bytes(b"\0\5\x16\7 no picture")


def both_unicode_forms(root: Path) -> None:
    pair(root, "é.png")
    picture(root / "val" / "images" / unicodedata.normalize("NFD", "é.png"))


def latin_1_name(root: Path) -> None:
    for folder in ("images", "labels"):
        (root / "val" / folder / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")


def bitmap(root: Path) -> None:
    picture(root / "val" / "images" / "b.bmp")


def broken_link(root: Path) -> None:
    (root / "val" / "images" / "b.png").symlink_to(root / "gone.png")


def unused_label(root: Path) -> None:
    picture(root / "val" / "labels" / "z.png", "L")


def cityscapes_jpeg(root: Path) -> None:
    cityscapes(root, "ulm_0_1.png")
    cityscapes(root, "ulm_0_2.JPG")


def cityscapes_misnamed(root: Path) -> None:
    cityscapes(root, "ulm_0_1.png")
    picture(root / "leftImg8bit" / "val" / "ulm" / "ulm_0_2.png")


def camvid_jpeg(root: Path) -> None:
    camvid(root, "0001TP_000001.png")
    camvid(root, "0001TP_000002.JPEG")


@pytest.mark.parametrize(
    ("make", "names", "kinds"),
    [
        (upper_case, ("a", "b"), []),
        (jpeg_beside_png, ("a",), ["second_of_a_name"]),
        (labels_twice, ("a",), ["second_of_a_name"]),
        (in_a_subfolder, ("a",), ["in_subfolder"] * 2),
        (companions, ("a",), ["companion"] * 2),
        (both_unicode_forms, ("a", "é"), ["second_of_a_name"]),
        (latin_1_name, ("a",), ["name_not_utf8"] * 2),
        (bitmap, ("a",), ["other_format"]),
        (broken_link, ("a",), ["broken_link"]),
        (unused_label, ("a",), ["label_without_image"]),
        (cityscapes_jpeg, ("ulm_0_1", "ulm_0_2"), []),
        (cityscapes_misnamed, ("ulm_0_1",), ["not_cityscapes"]),
        (camvid_jpeg, ("0001TP_000001", "0001TP_000002"), []),
    ],
)
def test_loader_doctor_and_api_see_the_same(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[Path], None],
    names: tuple[str, ...],
    kinds: list[str],
) -> None:
    if make not in (cityscapes_jpeg, cityscapes_misnamed, camvid_jpeg):
        pair(tmp_path, "a.png")
    make(tmp_path)
    dataset = open_dataset(tmp_path, "val")
    assert dataset.names == names
    assert [sample.name for sample in dataset] == list(names)
    assert [find_picture(tmp_path, "val", item.name) for item in dataset.items] == [i.image for i in dataset.items]

    diagnosis = diagnose(tmp_path)
    assert diagnosis["images"] == len(names)
    found = [f for f in diagnosis["faults"] if f["kind"] in REASONS]
    assert [f["kind"] for f in found] == kinds
    said = "\n".join(record.getMessage() for record in caplog.records)
    for fault in found:
        reason = KINDS[fault["kind"]]
        assert f"{reason.title}: {len(kinds)}: " in said
        assert fault["path"] in said
        assert said.endswith(reason.fix)
    assert bool(said) == bool(kinds)


def test_a_label_of_another_kind_leaves_its_picture_without_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture(tmp_path / "val" / "images" / "a.png")
    picture(tmp_path / "val" / "labels" / "a.jpg", "L")
    with pytest.raises(DatasetError, match=r"labels/a\.png: no such file; every picture of the split needs a label"):
        open_dataset(tmp_path, "val")
    assert "file of a kind that is not read, left out: 1: " in caplog.text
    assert {f["kind"] for f in diagnose(tmp_path)["faults"]} >= {"other_format", "image_without_label"}


def test_pictures_without_labels_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    pair(tmp_path, "a.png")
    for name in ("b.png", "c.jpg"):
        picture(tmp_path / "val" / "images" / name)
    with pytest.raises(DatasetError, match=r"labels/b\.png: no such file; .* needs a label; 2 have none"):
        open_dataset(tmp_path, "val")


def test_the_same_sentence_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pair(tmp_path, "a.png")
    bitmap(tmp_path)
    for _ in range(3):
        open_dataset(tmp_path, "val")
    assert len(caplog.records) == 1
