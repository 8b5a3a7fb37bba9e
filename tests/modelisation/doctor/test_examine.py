"""The doctor on files: missing, broken, of another size, turned."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelisation.doctor.diagnose import diagnose
from tests.modelisation.doctor.planting import FIRST, change, found, image_of, label_of


def test_image_without_label_and_label_without_image(scenes: Path) -> None:
    label_of(scenes).unlink()
    image_of(scenes, "scenes_000002_000000").unlink()
    assert found(scenes) == [
        ("image_without_label", image_of(scenes).name),
        ("label_without_image", label_of(scenes, "scenes_000002_000000").name),
    ]


def test_camvid_split_without_its_label_folder(camvid: Path) -> None:
    shutil.rmtree(camvid / "valannot")
    (camvid / "notes").mkdir()
    assert found(camvid) == [("image_without_label", f"scenes{n:06d}_000000.png") for n in (4, 5, 6)]


def test_plain_split_without_its_label_folder(street8: Path) -> None:
    shutil.rmtree(street8 / "val" / "labels")
    assert found(street8) == [("image_without_label", f"scenes_{n:06d}_000000.png") for n in (4, 5, 6)]


def test_coarse_labels_of_a_split_without_fine_ones_are_read(scenes: Path) -> None:
    fine, coarse = scenes / "gtFine" / "val", scenes / "gtCoarse" / "val"
    coarse.parent.mkdir()
    fine.rename(coarse)
    for label in list(coarse.glob("*/*_labelIds.png")):
        label.rename(label.with_name(label.name.replace("gtFine", "gtCoarse")))
    assert found(scenes) == []


def test_label_of_another_size(scenes: Path) -> None:
    change(label_of(scenes), lambda label: label[:, :-10])
    assert found(scenes) == [("size_mismatch", label_of(scenes).name)]


@pytest.mark.parametrize("damage", ["truncated", "noise", "empty"])
def test_corrupt_files(scenes: Path, damage: str) -> None:
    for path in (image_of(scenes), label_of(scenes, "scenes_000002_000000")):
        data = path.read_bytes()
        broken = {"truncated": data[: len(data) // 2], "noise": b"noise" * 99, "empty": b""}[damage]
        path.write_bytes(broken)
    assert found(scenes) == [
        ("unreadable_image", image_of(scenes).name),
        ("unreadable_label", label_of(scenes, "scenes_000002_000000").name),
    ]


def test_truncated_jpeg(street8: Path) -> None:
    path = street8 / "train" / "images" / f"{FIRST}.png"
    jpeg = path.with_suffix(".jpg")
    Image.open(path).save(jpeg)
    path.unlink()
    assert found(street8) == []
    jpeg.write_bytes(jpeg.read_bytes()[:-2000])
    assert found(street8) == [("unreadable_image", jpeg.name)]


def with_orientation(path: Path, orientation: int) -> Path:
    """The same stored pixels as a JPEG that says it is to be turned."""
    image = Image.open(path)
    exif = image.getexif()
    exif[0x0112] = orientation
    jpeg = path.with_suffix(".jpg")
    image.save(jpeg, exif=exif, quality=95)
    path.unlink()
    return jpeg


def test_exif_rotation_by_a_quarter(street8: Path) -> None:
    turned = with_orientation(street8 / "train" / "images" / f"{FIRST}.png", 6)
    assert found(street8) == [("exif_rotated", turned.name)]


def test_exif_rotation_by_a_half_is_judged_by_where_the_sky_is(street8: Path) -> None:
    upright = with_orientation(street8 / "train" / "images" / "scenes_000000_000000.png", 3)
    turned = with_orientation(street8 / "train" / "images" / f"{FIRST}.png", 3)
    change(street8 / "train" / "labels" / f"{FIRST}.png", lambda label: label[::-1, ::-1])
    assert (upright.exists(), turned.exists()) == (True, True)
    assert found(street8) == [("exif_rotated", turned.name)]


def test_label_without_a_usable_pixel(street8: Path) -> None:
    path = street8 / "train" / "labels" / f"{FIRST}.png"
    change(path, lambda label: np.full_like(label, 255))
    assert found(street8) == [("all_ignored", path.name)]


def square(root: Path) -> tuple[Path, Path]:
    """The middle square of one scene: image and label."""
    pair = tuple(root / "train" / folder / f"{FIRST}.png" for folder in ("images", "labels"))
    for path in pair:
        change(path, lambda pixels: pixels[:, 72:216])
    return pair


def test_square_scene_is_not_taken_for_a_turned_one(street8: Path) -> None:
    square(street8)
    assert found(street8) == []


@pytest.mark.parametrize(("quarters", "sky"), [(1, "on the left"), (2, "below"), (3, "on the right")])
def test_turned_label_of_a_square_image(street8: Path, quarters: int, sky: str) -> None:
    _, label = square(street8)
    change(label, lambda values: np.rot90(values, quarters))
    (fault,) = (f for f in diagnose(street8)["faults"] if f["kind"] != "class_missing")
    assert (fault["kind"], Path(fault["path"]).name) == ("turned_label", label.name)
    assert f"its sky is {sky}" in fault["detail"]


def test_label_turned_by_a_quarter_of_an_image_that_is_not(scenes: Path) -> None:
    change(label_of(scenes), lambda label: np.rot90(label))
    assert found(scenes) == [("turned_label", label_of(scenes).name)]


def test_exif_rotation_by_a_quarter_of_a_square_image(street8: Path) -> None:
    image, label = square(street8)
    for path in (image, label):
        change(path, lambda pixels: np.rot90(pixels))
    assert found(street8) == [("turned_label", label.name)]
    turned = with_orientation(image, 6)
    assert found(street8) == [("exif_rotated", turned.name)]
