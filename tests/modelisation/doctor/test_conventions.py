"""The doctor on labels that fit their source by chance: masks of one class, splits that are ignored throughout."""

import json
from pathlib import Path

import numpy as np
import pytest

from modelisation.data.base import DatasetError
from modelisation.data.open import open_dataset
from modelisation.doctor.diagnose import diagnose
from modelisation.doctor.faults import KINDS
from modelisation.doctor.text import format_diagnosis
from tests.modelisation.doctor.planting import change, label_of


def labels(root: Path, split: str = "*") -> list[Path]:
    return sorted(root.glob(f"{split}/labels/*.png"))


def faults(root: Path) -> list[tuple[str, str, str]]:
    return [
        (f["kind"], f["path"], f["detail"]) for f in diagnose(root)["faults"] if f["kind"] not in ("class_missing",)
    ]


@pytest.mark.parametrize(
    ("white", "read_as"), [(255, "255 (read as ignored)"), (1, "1 (read as sidewalk)")], ids=["0 and 255", "0 and 1"]
)
@pytest.mark.parametrize("shown", [0, 2, 3, 5, 6], ids=["road", "building", "vehicle", "vegetation", "sky"])
def test_masks_of_one_class_are_called_so_whatever_they_show(
    street8: Path, white: int, read_as: str, shown: int
) -> None:
    for path in labels(street8):
        change(path, lambda label: np.where(label == shown, white, 0).astype(np.uint8))
    assert faults(street8) == [
        ("two_valued_mask", f"split {split}", f"its labels ({n}) hold nothing but 0 (read as road) and {read_as}")
        for split, n in (("train", 4), ("val", 3))
    ]
    assert "255 is ignored" in KINDS["two_valued_mask"].fix
    assert "black-and-white masks of one class, no class ids: 2" in format_diagnosis(diagnose(street8), 3)


def test_masks_in_a_camvid_folder_are_called_so(street8: Path) -> None:
    (street8 / "dataset.json").write_text(json.dumps({"source": "camvid11"}), encoding="utf-8")
    for path in labels(street8):
        change(path, lambda label: np.where(label == 0, 255, 0).astype(np.uint8))
    assert {(kind, detail.partition(" and ")[2]) for kind, _, detail in faults(street8)} == {
        ("two_valued_mask", "255 (read as no value of camvid11)")
    }


def test_masks_in_one_split_leave_the_other_alone(street8: Path) -> None:
    for path in labels(street8, "val"):
        change(path, lambda label: np.where(label == 0, 255, 0).astype(np.uint8))
    assert [(kind, path) for kind, path, _ in faults(street8)] == [("two_valued_mask", "split val")]


def test_labels_of_road_and_sidewalk_with_unlabelled_pixels_are_no_masks(street8: Path) -> None:
    for path in labels(street8):
        change(path, lambda label: np.where(label > 1, 255, label).astype(np.uint8))
    assert "two_valued_mask" not in {kind for kind, _, _ in faults(street8)}


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_that_is_ignored_throughout_is_said_in_the_loaders_words(street8: Path, split: str) -> None:
    for path in labels(street8, split):
        change(path, lambda label: np.full_like(label, 255))
    ((kind, path, detail),) = faults(street8)
    assert (kind, path) == ("split_ignored", f"split {split}")
    with pytest.raises(DatasetError) as refused:
        open_dataset(street8, split)
    assert detail in str(refused.value)
    assert KINDS[kind].title.removeprefix("split that ") in str(refused.value)


def test_values_of_cityscapes_that_its_protocol_ignores_are_listed(scenes: Path) -> None:
    for n in (4, 5, 6):
        path = label_of(scenes, f"scenes_{n:06d}_000000", "val")
        change(path, lambda label: np.where(label == 7, 1, 4).astype(np.uint8))
    assert ("split_ignored", "split val") in [(kind, path) for kind, path, _ in faults(scenes)]
