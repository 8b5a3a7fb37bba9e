"""The doctor on label values: other encodings, remaps applied twice, values outside the table."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import apply_remap, remap_for
from modelisation.doctor.diagnose import diagnose
from tests.modelisation.doctor.planting import (
    CAMVID_ID_OF_STREET8,
    FIRST,
    camvid_name,
    change,
    found,
    label_of,
    table_of,
)


def test_train_ids_where_label_ids_belong(scenes: Path) -> None:
    table = remap_for("cityscapes_label_ids", "cityscapes19")
    for n in range(4):
        change(label_of(scenes, f"scenes_{n:06d}_000000"), lambda label: apply_remap(label, table))
    assert found(scenes) == [("train_ids", label_of(scenes, f"scenes_{n:06d}_000000").name) for n in range(4)]


def test_street8_ids_where_label_ids_belong_would_be_remapped_again(scenes: Path) -> None:
    table = remap_for("cityscapes_label_ids", "street8")
    change(label_of(scenes), lambda label: apply_remap(label, table))
    assert found(scenes) == [("remapped_already", label_of(scenes).name)]


@pytest.mark.parametrize("remap", ["cityscapes_label_ids", "camvid11", "cityscapes19"])
def test_remap_applied_twice(street8: Path, remap: str) -> None:
    table = table_of(remap)
    path = street8 / "val" / "labels" / "scenes_000006_000000.png"
    change(path, lambda label: table[label])
    assert found(street8) == [("remapped_twice", path.name)]


def test_remap_to_nineteen_classes_applied_twice(street8: Path, rendered: Path) -> None:
    (street8 / "dataset.json").write_text(json.dumps({"source": "cityscapes19"}), encoding="utf-8")
    once = remap_for("cityscapes_label_ids", "cityscapes19")
    twice = table_of("cityscapes_label_ids", "cityscapes19")
    for path in street8.glob("*/labels/*.png"):
        ids = label_of(rendered, path.stem, path.parts[-3])
        Image.fromarray(apply_remap(np.asarray(Image.open(ids)), once)).save(path)
    assert found(street8) == []
    path = street8 / "train" / "labels" / f"{FIRST}.png"
    change(path, lambda label: twice[label])
    assert found(street8) == [("remapped_twice", path.name)]


def test_250_where_255_marks_ignored_pixels(street8: Path) -> None:
    path = street8 / "train" / "labels" / f"{FIRST}.png"

    def mark(label: np.ndarray) -> np.ndarray:
        label[-9:] = 250
        return label

    change(path, mark)
    faults = diagnose(street8)["faults"]
    assert [(f["kind"], f["detail"]) for f in faults if f["kind"] != "class_missing"] == [
        ("wrong_ignore_value", "value 250 (street8)")
    ]


@pytest.mark.parametrize("shown", range(8))
def test_labels_of_one_class_and_little_else_are_no_fault(street8: Path, shown: int) -> None:
    path = street8 / "train" / "labels" / f"{FIRST}.png"
    change(path, lambda label: np.where(label == shown, label, 255).astype(np.uint8))
    assert {kind for kind, _ in found(street8)} <= {"all_ignored"}  # of a class that the scene does not show


@pytest.mark.parametrize("every", [4, 12, 48])
def test_labels_of_a_few_lines_are_no_fault(street8: Path, every: int) -> None:
    for path in street8.glob("*/labels/*.png"):
        change(path, lambda label: np.where(np.arange(144)[:, None] % every == 0, label, 255).astype(np.uint8))
    assert found(street8) == []


def test_labels_of_which_most_is_ignored_by_another_value_are_said_to_be_so(camvid: Path) -> None:
    path = camvid / "trainannot" / camvid_name(f"{FIRST}.png")
    change(path, lambda label: np.where(np.arange(144)[:, None] % 12 == 0, label, 255).astype(np.uint8))
    assert found(camvid) == [("wrong_ignore_value", path.name)]


def test_values_outside_the_table(scenes: Path) -> None:
    def spoil(label: np.ndarray) -> np.ndarray:
        label[:3, :3] = 77
        return label

    change(label_of(scenes), spoil)
    assert found(scenes) == [("values_outside_table", label_of(scenes).name)]


def test_camvid_ids_in_a_folder_that_declares_nothing(street8: Path) -> None:
    back = CAMVID_ID_OF_STREET8
    path = street8 / "train" / "labels" / f"{FIRST}.png"
    change(path, lambda label: back[label])
    assert found(street8) == [("other_encoding", path.name)]
    (street8 / "dataset.json").write_text(json.dumps({"source": "camvid11"}), encoding="utf-8")
    for other in street8.glob("*/labels/*.png"):
        if other != path:
            change(other, lambda label: back[label])
    assert found(street8) == []


@pytest.mark.parametrize("target", ["street8", "cityscapes19"])
def test_remap_applied_twice_to_the_files_of_a_cityscapes_layout(scenes: Path, target: str) -> None:
    table = table_of("cityscapes_label_ids", target)
    change(label_of(scenes), lambda label: table[table[label]])
    assert found(scenes) == [("remapped_twice", label_of(scenes).name)]


def test_train_ids_of_a_cityscapes_layout_remapped_twice_to_street8(scenes: Path) -> None:
    first, again = table_of("cityscapes_label_ids"), table_of("cityscapes19")
    change(label_of(scenes), lambda label: again[first[label]])
    assert found(scenes) == [("remapped_twice", label_of(scenes).name)]


def test_street8_ids_in_a_camvid_layout_would_be_remapped_again(camvid: Path) -> None:
    path = camvid / "trainannot" / camvid_name(f"{FIRST}.png")
    change(path, lambda label: table_of("camvid11")[label])
    assert found(camvid) == [("remapped_already", path.name)]


@pytest.mark.parametrize("again", ["camvid11", "cityscapes_label_ids", "cityscapes19"])
def test_remap_applied_twice_to_the_files_of_a_camvid_layout(camvid: Path, again: str) -> None:
    path = camvid / "trainannot" / camvid_name(f"{FIRST}.png")
    change(path, lambda label: table_of(again)[table_of("camvid11")[label]])
    assert found(camvid) == [("remapped_twice", path.name)]


def test_zero_for_background_and_ids_from_one(street8: Path) -> None:
    paths = sorted(street8.glob("*/labels/*.png"))
    for path in paths:
        change(path, lambda label: np.where(label >= 7, 0, label + 1).astype(np.uint8))
    assert sorted(found(street8)) == [("ids_from_one", path.name) for path in paths]


@pytest.mark.parametrize("source", ["cityscapes19", "camvid11"])
def test_zero_for_no_label_and_ids_from_one(street8: Path, rendered: Path, source: str) -> None:
    (street8 / "dataset.json").write_text(json.dumps({"source": source}), encoding="utf-8")
    train_ids = remap_for("cityscapes_label_ids", "cityscapes19")
    for path in street8.glob("*/labels/*.png"):
        if source == "camvid11":
            change(path, lambda label: CAMVID_ID_OF_STREET8[label])
            change(path, lambda label: np.where(label >= 11, 0, label + 1).astype(np.uint8))
        else:
            label_ids = np.asarray(Image.open(label_of(rendered, path.stem, path.parts[-3])))
            ids = apply_remap(label_ids, train_ids)
            Image.fromarray(np.where(ids == 255, 0, ids + 1).astype(np.uint8)).save(path)
    assert {kind for kind, _ in found(street8)} == {"ids_from_one"}
    assert len(found(street8)) == 7
