"""What is read of a folder, and what is left out and why."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from back.runtime.layouts import camvid, cityscapes, folder
from back.runtime.layouts.listing import IMAGE_SUFFIXES, LABEL_SUFFIXES, Listing, match, scan, sentences
from back.runtime.layouts.recognise import layout_of, list_split


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def left_out(root: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[tuple[str, str]]:
    return [(one.kind, str(Path(one.path).relative_to(root))) for one in scan(root, suffixes).left_out]


def read(root: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[str]:
    return [path.name for path in scan(root, suffixes).files.values()]


def test_the_case_of_a_suffix_does_not_count(tmp_path: Path) -> None:
    files(tmp_path, "a.PNG", "b.Jpg", "c.JPEG", "d.WebP", "e.png")
    assert read(tmp_path) == ["a.PNG", "b.Jpg", "c.JPEG", "d.WebP", "e.png"]
    assert list(scan(tmp_path, IMAGE_SUFFIXES).files) == ["a", "b", "c", "d", "e"]
    assert left_out(tmp_path) == []


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (("a.jpg", "a.png"), "a.png"),
        (("a.PNG", "a.png"), "a.png"),
        (("a.jpeg", "a.jpg", "a.webp"), "a.jpg"),
        (("a.JPG", "a.jpeg"), "a.JPG"),
        ((unicodedata.normalize("NFD", "é.png"), "é.png"), "é.png"),
        ((unicodedata.normalize("NFD", "é.png"), "é.jpg"), unicodedata.normalize("NFD", "é.png")),
    ],
)
def test_of_two_files_of_one_name_one_is_read_and_the_other_said(
    tmp_path: Path, names: tuple[str, ...], first: str
) -> None:
    files(tmp_path, *names)
    assert read(tmp_path) == [first]
    assert sorted(left_out(tmp_path)) == sorted(("second_of_a_name", name) for name in names if name != first)
    assert {one.detail for one in scan(tmp_path, IMAGE_SUFFIXES).left_out} == {f"{first} is read"}


def test_a_name_written_by_macos_finds_the_label_written_elsewhere(tmp_path: Path) -> None:
    image = unicodedata.normalize("NFD", "café.png")
    files(tmp_path, f"images/{image}", "labels/café.PNG")
    (pair,) = list_split(folder, tmp_path, "all").pairs
    assert (pair.name, pair.image, pair.label) == (
        "café",
        tmp_path / "images" / image,
        tmp_path / "labels" / "café.PNG",
    )


def test_companions_of_macos_are_left_out(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "._a.png", "._DS_Store", ".DS_Store", ".hidden.png", "Thumbs.db", "notes.txt")
    assert read(tmp_path) == ["a.png"]
    assert left_out(tmp_path) == [("companion", "._a.png")]


def test_files_in_subfolders_are_left_out_one_by_one(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "city/b.png", "city/deep/c.JPG", "city/notes.txt", ".cache/d.png")
    assert read(tmp_path) == ["a.png"]
    assert left_out(tmp_path) == [("in_subfolder", "city/b.png"), ("in_subfolder", "city/deep/c.JPG")]


def test_a_link_to_a_folder_is_not_walked_through(tmp_path: Path) -> None:
    files(tmp_path / "data", "a.png")
    (tmp_path / "data" / "loop").symlink_to(tmp_path)
    assert left_out(tmp_path / "data") == [("in_subfolder", "loop")]


def test_other_kinds_of_pictures_and_labels_are_left_out(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "b.bmp", "c.tif", "d.npy", "e")
    assert left_out(tmp_path) == [("other_format", name) for name in ("b.bmp", "c.tif", "d.npy", "e")]
    files(tmp_path / "labels", "a.png", "b.jpg")
    assert left_out(tmp_path / "labels", LABEL_SUFFIXES) == [("other_format", "b.jpg")]


def test_a_name_that_is_not_utf8_is_left_out_and_can_be_printed(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    files(tmp_path, "a.png", name)
    found = scan(tmp_path, IMAGE_SUFFIXES)
    assert [path.name for path in found.files.values()] == ["a.png"]
    assert [(one.kind, one.path) for one in found.left_out] == [("name_not_utf8", f"{tmp_path}/caf\\xe9.png")]
    found.left_out[0].path.encode()


def test_a_link_that_leads_nowhere_is_left_out(tmp_path: Path) -> None:
    files(tmp_path, "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    assert left_out(tmp_path) == [("broken_link", "b.png")]


def test_a_link_to_a_picture_is_read(tmp_path: Path) -> None:
    files(tmp_path, "store/a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.png").symlink_to(tmp_path / "store" / "a.png")
    assert read(tmp_path / "data") == ["b.png"]


def test_pictures_come_in_the_order_of_their_file_names(tmp_path: Path) -> None:
    files(tmp_path, "b.png", "a.png", "a-1.png", "B.png", "10.png", "9.png")
    assert read(tmp_path) == sorted(["b.png", "a.png", "a-1.png", "B.png", "10.png", "9.png"])


@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=4), unique=True))
def test_every_file_is_read_or_left_out(tmp_path_factory: pytest.TempPathFactory, stems: list[str]) -> None:
    root = tmp_path_factory.mktemp("names")
    suffixes = (".png", ".JPG", ".bmp")
    files(root, *(f"{stem}{suffixes[i % 3]}" for i, stem in enumerate(stems)))
    found = scan(root, IMAGE_SUFFIXES)
    assert sorted([*(str(p) for p in found.files.values()), *(one.path for one in found.left_out)]) == sorted(
        str(p) for p in root.iterdir()
    )


def test_jpegs_are_read_in_the_cityscapes_layout(tmp_path: Path) -> None:
    files(tmp_path, "leftImg8bit/val/ulm/ulm_0_1_leftImg8bit.JPG", "gtFine/val/ulm/ulm_0_1_gtFine_labelIds.PNG")
    (pair,) = list_split(cityscapes, tmp_path, "val").pairs
    assert (pair.name, pair.sequence, pair.image is None, pair.label is None) == ("ulm_0_1", "ulm_0", False, False)


def test_pictures_astray_in_the_cityscapes_layout_are_left_out(tmp_path: Path) -> None:
    root = files(
        tmp_path / "leftImg8bit" / "val",
        "ulm/ulm_0_1_leftImg8bit.png",
        "ulm/ulm_0_2.png",
        "ulm/deep/ulm_0_3_leftImg8bit.png",
        "ulm_0_4_leftImg8bit.png",
        "bonn/ulm_0_1_leftImg8bit.png",
    )
    found = cityscapes.images(tmp_path, "val")
    assert list(found.files) == ["bonn/ulm_0_1"]
    assert [(one.kind, str(Path(one.path).relative_to(root))) for one in found.left_out] == [
        ("not_cityscapes", "ulm_0_4_leftImg8bit.png"),
        ("in_subfolder", "ulm/deep/ulm_0_3_leftImg8bit.png"),
        ("not_cityscapes", "ulm/ulm_0_2.png"),
        ("second_of_a_name", "ulm/ulm_0_1_leftImg8bit.png"),
    ]


def test_official_files_beside_the_label_ids_need_no_word(tmp_path: Path) -> None:
    kinds = ("labelIds.png", "instanceIds.png", "color.png", "labelTrainIds.png", "polygons.json")
    files(tmp_path, *(f"gtFine/val/ulm/ulm_0_1_gtFine_{kind}" for kind in kinds))
    found = cityscapes.labels(tmp_path, "val")
    assert (list(found.files), found.left_out) == (["ulm/ulm_0_1"], ())


@pytest.mark.parametrize(
    ("names", "kind", "splits"),
    [
        (("leftImg8bit/val/ulm/a_leftImg8bit.png", "gtFine/train/ulm/x"), "cityscapes", ["train", "val"]),
        (("val/a.png", "trainannot/b.png", "notes/x.png"), "camvid", ["train", "val"]),
        (("images/a.png",), "folder", ["all"]),
        (("images/a_1.png", "images/b_1.png"), "folder", ["train", "val"]),
        (("images/a.png", "val/images/b.png"), "folder", ["val", "all"]),
        (("val/images/a.png", "test/labels/a.png", "notes/x.png"), "folder", ["test", "val"]),
    ],
)
def test_each_layout_is_recognised_with_its_splits(
    tmp_path: Path, names: tuple[str, ...], kind: str, splits: list[str]
) -> None:
    layout = layout_of(files(tmp_path, *names))
    assert layout is not None
    assert (layout.KIND, layout.splits(tmp_path)) == (kind, splits)


def test_a_folder_of_anything_else_has_no_layout(tmp_path: Path) -> None:
    assert layout_of(files(tmp_path, "a.png", "train/a.png", "annot/a.png")) is None


def test_dev_and_devtrain_are_the_parts_of_train(tmp_path: Path) -> None:
    files(tmp_path, *(f"{f}/{n}.png" for f in ("train", "trainannot") for n in ("0001TP_000001", "0006R0_f00930")))
    parts = {split: [p.name for p in list_split(camvid, tmp_path, split).pairs] for split in ("dev", "devtrain")}
    assert parts == {"dev": ["0006R0_f00930"], "devtrain": ["0001TP_000001"]}


@pytest.mark.parametrize("split", ["..", "../data", "", ".", "/", "val/..", "val\0"])
def test_a_split_is_never_a_path(tmp_path: Path, split: str) -> None:
    files(tmp_path, "data/leftImg8bit/val/ulm/a_leftImg8bit.png", "data/images/x.png", "images/a.png")
    assert cityscapes.images(tmp_path / "data", split).files == {}
    files(tmp_path, "camvid/train/a.png", "camvid/trainannot/a.png")
    assert camvid.images(tmp_path / "camvid", split).files == {}


def test_sentences_name_the_reason_the_count_the_files_and_the_mend(tmp_path: Path) -> None:
    files(tmp_path, *(f"images/{n}.png" for n in "ab"), *(f"images/city/{n}.png" for n in "cdefg"))
    files(tmp_path, *(f"labels/{n}.png" for n in "abz"))
    subfolder, unused = sentences(list_split(folder, tmp_path, "all"))
    city = tmp_path / "images" / "city"
    assert subfolder == (
        f"file in a sub-folder, left out: 5: {city}/c.png, {city}/d.png, {city}/e.png, … and 2 more; "
        "move it up: only what lies directly in the folder is read"
    )
    assert unused == (f"label without an image: 1: {tmp_path}/labels/z.png; add the image, or take the label out")


def test_a_split_without_a_flaw_needs_no_sentence(tmp_path: Path) -> None:
    files(tmp_path, "images/a.png", "labels/a.png")
    assert sentences(list_split(folder, tmp_path, "all")) == []
    assert sentences(Listing((), ())) == []
    assert match("all", scan(None, IMAGE_SUFFIXES), scan(None, LABEL_SUFFIXES), folder.clip_of) == Listing((), ())


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("new\nline.gif", r"new\nline.gif"),
        ("red\x1b[31m.gif", r"red\x1b[31m.gif"),
        ("page\u2028.gif", r"page\u2028.gif"),
        ("it's 3.05\u202fPM – é.gif", "it's 3.05\u202fPM – é.gif"),
    ],
)
def test_what_is_said_of_a_file_stays_on_its_line(tmp_path: Path, name: str, printed: str) -> None:
    assert left_out(files(tmp_path, name)) == [("other_format", printed)]
