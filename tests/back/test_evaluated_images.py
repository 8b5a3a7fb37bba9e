"""Finding a picture by its name in each layout, and nothing else on the machine."""

import io
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from back.evaluated_images import SIDE, evaluated_images, find_picture, thumbnail
from back.runtime.imaging import ImageError


def picture(path: Path, width: int = 64, height: int = 48) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (10, 200, 30)).save(path)
    return path


def camvid(root: Path) -> Path:
    (root / "trainannot").mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    ("layout", "file", "split", "name"),
    [
        ("cityscapes", "leftImg8bit/val/aachen/aachen_000_019_leftImg8bit.png", "val", "aachen_000_019"),
        ("camvid", "val/0016E5_07959.png", "val", "0016E5_07959"),
        ("camvid", "train/0006R0_f00930.png", "dev", "0006R0_f00930"),
        ("plain", "val/images/a.jpg", "val", "a"),
        ("plain", "images/b.webp", "val", "b"),
    ],
)
def test_each_layout_is_understood(tmp_path: Path, layout: str, file: str, split: str, name: str) -> None:
    root = camvid(tmp_path) if layout == "camvid" else tmp_path
    path = picture(root / file)
    assert find_picture(root, split, name) == path.resolve()
    assert find_picture(root, split, "other") is None
    assert find_picture(root, "test", name) is None or file.startswith("images/")


@pytest.mark.parametrize(
    "name", ["..", "../secret", "../../secret", "/etc/passwd", "", ".", "secret\0", "val/secret"]
)
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "secret.png")
    root = camvid(tmp_path / "camvid")
    picture(root / "val" / "a.png")
    assert find_picture(root, "val", name) is None
    assert find_picture(root, name, "a") is None
    assert find_picture(root, name, "secret") is None
    picture(tmp_path / "city" / "leftImg8bit" / "val" / "x" / "x_leftImg8bit.png")
    assert find_picture(tmp_path / "city", name, "secret") is None


def test_a_link_out_of_the_data_set_is_not_followed(tmp_path: Path) -> None:
    secret = picture(tmp_path / "private" / "secret.png")
    root = camvid(tmp_path / "camvid")
    inside = picture(root / "val" / "a.png")
    (root / "val" / "out.png").symlink_to(secret)
    (root / "val" / "within.png").symlink_to(inside)
    (root / "test").symlink_to(secret.parent)
    assert find_picture(root, "val", "out") is None
    assert find_picture(root, "test", "secret") is None
    assert find_picture(root, "val", "within") == inside.resolve()


def test_the_picture_shown_is_the_one_that_was_evaluated(tmp_path: Path) -> None:
    picture(tmp_path / "val" / "images" / "a.jpg")
    evaluated = picture(tmp_path / "val" / "images" / "a.PNG")
    picture(tmp_path / "val" / "images" / "city" / "b.png")
    assert find_picture(tmp_path, "val", "a") == evaluated.resolve()
    assert find_picture(tmp_path, "val", "b") is None


def test_a_picture_is_found_whatever_split_was_made_of_its_folder(tmp_path: Path) -> None:
    paths = {name: picture(tmp_path / "images" / f"{name}.png") for name in ("a_1", "b_1", "c_1", "d_1")}
    for name, path in paths.items():
        for split in ("train", "val", "all"):
            assert find_picture(tmp_path, split, name) == path.resolve()


def test_a_jpeg_in_the_cityscapes_layout_is_found(tmp_path: Path) -> None:
    path = picture(tmp_path / "leftImg8bit" / "val" / "ulm" / "ulm_0_1_leftImg8bit.JPG")
    assert find_picture(tmp_path, "val", "ulm_0_1") == path.resolve()


def test_a_name_is_found_in_either_unicode_form(tmp_path: Path) -> None:
    path = picture(tmp_path / "images" / unicodedata.normalize("NFD", "café.png"))
    assert find_picture(tmp_path, "val", "café") == path.resolve()


def test_a_data_set_that_is_itself_a_link_is_read(tmp_path: Path) -> None:
    path = picture(camvid(tmp_path / "disk") / "val" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert find_picture(tmp_path / "link", "val", "a") == path.resolve()


def test_a_picture_is_a_small_jpeg_of_the_same_shape(tmp_path: Path) -> None:
    data = thumbnail(picture(tmp_path / "a.png", 2 * SIDE, SIDE), 10_000_000)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (SIDE, SIDE // 2))
    small = thumbnail(picture(tmp_path / "b.png"), 10_000_000)
    assert Image.open(io.BytesIO(small)).size == (64, 48)


def test_a_file_that_is_too_large_or_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        thumbnail(picture(tmp_path / "a.png", 64, 64), 1000)
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(ImageError):
        thumbnail(tmp_path / "b.png", 1000)


@pytest.mark.parametrize(
    "report",
    [None, {}, {"evaluation": None}, {"evaluation": []}, {"evaluation": {"per_image": [{}, 3, {"name": 7}]}}],
)
def test_a_report_without_images_lists_none(report: dict[str, object] | None) -> None:
    assert evaluated_images(report)[1] == frozenset()


def test_a_report_names_its_split_and_images() -> None:
    report = {"evaluation": {"split": "val", "per_image": [{"name": "a"}, {"name": "b"}]}}
    assert evaluated_images(report) == ("val", {"a", "b"})
