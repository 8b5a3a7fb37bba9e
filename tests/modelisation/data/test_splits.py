"""Folders without splits, and splits that are not there."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelisation.data.base import DatasetError
from modelisation.data.open import open_dataset
from modelisation.doctor.diagnose import diagnose
from modelisation.doctor.text import format_diagnosis


def unsplit(root: Path, names: tuple[str, ...]) -> Path:
    for kind, mode in (("images", "RGB"), ("labels", "L")):
        (root / kind).mkdir(parents=True)
        for name in names:
            Image.new(mode, (6, 4)).save(root / kind / f"{name}.png")
    return root


FOUR = ("sa_000", "sb_001", "sc_002", "sd_003")


def test_training_and_validation_share_no_picture_and_no_clip(tmp_path: Path) -> None:
    train, val, everything = (open_dataset(unsplit(tmp_path / s, FOUR), s) for s in ("train", "val", "all"))
    assert sorted(train.names + val.names) == list(everything.names) == list(FOUR)
    assert not {i.sequence for i in train.items} & {i.sequence for i in val.items}
    assert len({train.split_sha256, val.split_sha256, everything.split_sha256}) == 3


def test_the_same_split_is_made_every_time_wherever_the_folder_lies(tmp_path: Path) -> None:
    one, two = (open_dataset(unsplit(tmp_path / name, FOUR), "val") for name in ("one", "two"))
    assert one.split_sha256 == two.split_sha256


def test_a_made_split_is_said_and_nothing_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = unsplit(tmp_path, FOUR)
    before = sorted(tmp_path.rglob("*"))
    dataset = open_dataset(root, "val")
    assert "comes without splits, so it was split here: whole clips, drawn with seed 0" in dataset.split_rule
    assert caplog.messages == [dataset.split_rule]
    assert dataset.subset(dataset.items[:1], "part").split_rule == dataset.split_rule
    assert sorted(tmp_path.rglob("*")) == before


def test_all_pictures_and_splits_on_disk_need_no_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert open_dataset(unsplit(tmp_path / "plain", FOUR), "all").split_rule == ""
    unsplit(tmp_path / "split" / "val", FOUR)
    assert open_dataset(tmp_path / "split", "val").split_rule == ""
    assert caplog.messages == []


@pytest.mark.parametrize("split", ["vall", "test", "Val", "", "..", "images"])
def test_an_unknown_split_lists_what_there_is(tmp_path: Path, split: str) -> None:
    with pytest.raises(DatasetError, match=rf"no split {split}; there are: train, val, all$"):
        open_dataset(unsplit(tmp_path / "plain", FOUR), split)
    unsplit(tmp_path / "split" / "val", FOUR)
    with pytest.raises(DatasetError, match=rf"no split {split}; there are: val$"):
        open_dataset(tmp_path / "split", split)


def test_one_picture_is_too_few_for_a_split(tmp_path: Path) -> None:
    root = unsplit(tmp_path, ("a",))
    with pytest.raises(DatasetError, match=r"no split val; there are: all \(one picture is too few"):
        open_dataset(root, "val")
    assert open_dataset(root, "all").names == ("a",)


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    root = unsplit(tmp_path, ())
    with pytest.raises(DatasetError, match=r"no split val; there are: all$"):
        open_dataset(root, "val")
    with pytest.raises(DatasetError, match="images: holds no pictures"):
        open_dataset(root, "all")


def test_pictures_beside_splits_are_a_split_of_their_own(tmp_path: Path) -> None:
    unsplit(tmp_path, ("a", "b"))
    unsplit(tmp_path / "val", ("c",))
    assert open_dataset(tmp_path, "val").names == ("c",)
    assert open_dataset(tmp_path, "all").names == ("a", "b")
    with pytest.raises(DatasetError, match="no split train; there are: val, all"):
        open_dataset(tmp_path, "train")


@pytest.mark.parametrize("missing", ["images", "labels"])
def test_a_missing_half_of_a_split_is_named(tmp_path: Path, missing: str) -> None:
    unsplit(tmp_path / "val", FOUR)
    (tmp_path / "val" / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=rf"val/{missing}: no such folder"):
        open_dataset(tmp_path, "val")


def test_an_unknown_split_of_camvid_lists_what_there_is(tmp_path: Path) -> None:
    for folder in ("train", "trainannot", "val", "valannot"):
        (tmp_path / folder).mkdir()
    with pytest.raises(DatasetError, match=r"vall: no such folder; .* here are: train, val"):
        open_dataset(tmp_path, "vall")


def test_the_doctor_sees_the_made_split_and_says_it(tmp_path: Path) -> None:
    root = unsplit(tmp_path, FOUR)
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(root / "images" / "twin.bmp")
    diagnosis = diagnose(root)
    assert set(diagnosis["classes"]) == {"train", "val"}
    assert diagnosis["counts"]["other_format"] == 1
    assert diagnosis["split_rule"] == open_dataset(root, "val").split_rule
    assert diagnosis["split_rule"] in format_diagnosis(diagnosis, 3)
    assert json.dumps(diagnosis)


def label_all(root: Path, split: str, value: int, but: tuple[str, ...] = ()) -> Path:
    for name in FOUR:
        for kind, mode in (("images", "RGB"), ("labels", "L")):
            (root / split / kind).mkdir(parents=True, exist_ok=True)
            Image.new(mode, (6, 4), 0 if mode == "RGB" or name in but else value).save(
                root / split / kind / f"{name}.png"
            )
    return root


def test_a_split_that_is_ignored_throughout_is_refused(tmp_path: Path) -> None:
    label_all(label_all(tmp_path, "train", 0), "val", 255)
    with pytest.raises(
        DatasetError,
        match=r"split val teaches and scores nothing: .* labels \(4\) is ignored \(value 255 of street8\)",
    ):
        open_dataset(tmp_path, "val")
    assert len(open_dataset(tmp_path, "train")) == 4


def test_one_labelled_picture_is_enough(tmp_path: Path) -> None:
    assert len(open_dataset(label_all(tmp_path, "val", 255, but=FOUR[-1:]), "val")) == 4


def test_classes_that_a_taxonomy_does_not_have_are_ignored_throughout(tmp_path: Path) -> None:
    root = label_all(tmp_path, "val", 7)  # background, which the seven categories lack
    assert len(open_dataset(root, "val", "street8")) == 4
    with pytest.raises(DatasetError, match=r"\(value 7 of street8\)"):
        open_dataset(root, "val", "cityscapes7")


def test_labels_that_cityscapes_withholds_are_no_fault(tmp_path: Path) -> None:
    for split in ("test", "val"):
        for kind, ending in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_labelIds")):
            path = tmp_path / kind / split / "ulm" / f"ulm_0_1_{ending}.png"
            path.parent.mkdir(parents=True)
            Image.new("RGB" if kind == "leftImg8bit" else "L", (6, 4)).save(path)
    assert len(open_dataset(tmp_path, "test")) == 1
    with pytest.raises(DatasetError, match=r"labels \(1\) is ignored \(value 0 of cityscapes_label_ids\)"):
        open_dataset(tmp_path, "val")
