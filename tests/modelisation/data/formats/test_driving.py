"""Driving data sets in layouts of their own: which pictures belong together, what their labels mean in street8."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import STREET8
from modelisation.data.class_sets import class_set
from modelisation.data.formats import bdd100k, camvid_colours, idd, vistas
from modelisation.data.formats.label_ids import ACDC, KITTI
from modelisation.data.formats.table import format_of
from modelisation.data.open import open_dataset
from modelisation.scenes.writer import write_scenes
from tests.modelisation.data.formats.made import photo, save_ids

ROAD, CAR, SKY = (STREET8.names.index(name) for name in ("road", "vehicle", "sky"))
SHAPE = (24, 32)


def ids(*values: int) -> np.ndarray:
    """Horizontal bands of values."""
    return np.repeat(np.array(values, np.uint8), SHAPE[0] // len(values))[:, None].repeat(SHAPE[1], 1)


def bdd(root: Path) -> None:
    for split in ("train", "val"):
        photo(root / "images" / "10k" / split / f"{split}.jpg", 0)
        save_ids(root / "labels" / "sem_seg" / "masks" / split / f"{split}.png", ids(0, 13, 10, 255))


def bdd_first_release(root: Path) -> None:
    for split in ("train", "val"):
        photo(root / "seg" / "images" / split / f"{split}.jpg", 0)
        save_ids(root / "seg" / "labels" / split / f"{split}_train_id.png", ids(0, 13, 10, 255))


def kitti(root: Path) -> None:
    for name in ("000000_10", "000001_10"):
        photo(root / "training" / "image_2" / f"{name}.png", 0)
        save_ids(root / "training" / "semantic" / f"{name}.png", ids(7, 26, 23, 0))


def acdc(root: Path) -> None:
    for split, place in (("train", "fog"), ("val", "night")):
        photo(root / "rgb_anon" / place / split / "GOPR0475" / "GOPR0475_frame_000041_rgb_anon.png", 0)
        folder = root / "gt" / place / split / "GOPR0475"
        save_ids(folder / "GOPR0475_frame_000041_gt_labelIds.png", ids(7, 26, 23, 0))
        save_ids(folder / "GOPR0475_frame_000041_gt_labelTrainIds.png", ids(0, 13, 10, 255))
    photo(root / "rgb_anon" / "fog" / "train_ref" / "GOPR0475" / "GOPR0475_frame_000009_rgb_ref_anon.png", 0)


def indian(root: Path) -> None:
    for split, name in (("train", "0001"), ("val", "0002")):
        photo(root / "leftImg8bit" / split / "12" / f"{name}_leftImg8bit.jpg", 0)
        objects = [
            {"label": label, "deleted": 0, "polygon": [[0, top], [32, top], [32, top + 6], [0, top + 6]]}
            for label, top in (("road", 0), ("autorickshaw", 6), ("sky", 12), ("out of roi", 18))
        ]
        objects.append({"label": "sky", "deleted": 1, "polygon": [[0, 0], [32, 0], [32, 24], [0, 24]]})
        folder = root / "gtFine" / split / "12"
        folder.mkdir(parents=True)
        content = {"imgHeight": 24, "imgWidth": 32, "objects": objects}
        (folder / f"{name}_gtFine_polygons.json").write_text(json.dumps(content))


def vistas_labels() -> list[dict[str, object]]:
    classes = class_set("mapillary").taxonomy.classes
    labels: list[dict[str, object]] = [
        {"name": f"x--{c.name}", "readable": c.name.title(), "color": list(c.color)} for c in classes
    ]
    return [*labels, {"name": "void--unlabeled", "readable": "Unlabeled", "color": [0, 0, 0]}]


def vistas_bands() -> np.ndarray:
    names = class_set("mapillary").taxonomy.names
    return ids(names.index("lane marking - general"), names.index("car"), names.index("sky"), 65)


def vistas_12(root: Path) -> None:
    for folder, name in (("training", "a"), ("validation", "b")):
        photo(root / folder / "images" / f"{name}.jpg", 0)
        save_ids(root / folder / "labels" / f"{name}.png", vistas_bands(), palette=[7, 8, 9] * 66)
    (root / "config.json").write_text(json.dumps({"version": "1.2", "labels": vistas_labels()}))


def vistas_20(root: Path) -> None:
    """Version 2.0 splits classes finer and lists them in another order; both versions lie beside each other."""
    for folder, name in (("training", "a"), ("validation", "b")):
        photo(root / folder / "images" / f"{name}.jpg", 0)
        save_ids(root / folder / "v1.2" / "labels" / f"{name}.png", ids(1, 1), palette=[7, 8, 9] * 66)
        save_ids(root / folder / "v2.0" / "labels" / f"{name}.png", ids(1, 0, 2, 3), palette=[7, 8, 9] * 66)
    fine = [("Car", [0, 0, 142]), ("Road", [128, 64, 128]), ("Sky", [70, 130, 180]), ("Unlabeled", [0, 0, 0])]
    labels = [{"name": f"x--{name}", "readable": name, "color": colour} for name, colour in fine]
    (root / "config_v1.2.json").write_text(json.dumps({"labels": vistas_labels()}))
    (root / "config_v2.0.json").write_text(json.dumps({"labels": labels}))


def camvid(root: Path) -> None:
    """The data set's own folders; 32 colours in `label_colors.txt`, separated by blanks and tabs."""
    known = class_set("camvid32").taxonomy.classes
    rows = [f"{r} {g} {b}\t\t{c.name}" for c in known for r, g, b in (c.color,)]
    root.mkdir(parents=True)
    (root / "label_colors.txt").write_text("\n".join([*rows, "0 0 0\t\tVoid"]) + "\n")
    colours = {c.name: c.color for c in known}
    bands = [colours["LaneMkgsDriv"], colours["SUVPickupTruck"], colours["Sky"], (0, 0, 0)]
    label = np.repeat(np.array(bands, np.uint8), 6, 0)[:, None].repeat(SHAPE[1], 1)
    for name in ("0001TP_006690", "Seq05VD_f00000"):
        photo(root / "701_StillsRaw_full" / f"{name}.png", 0)
        (root / "LabeledApproved_full").mkdir(exist_ok=True)
        Image.fromarray(label).save(root / "LabeledApproved_full" / f"{name}_L.png")


MAKERS = {
    "bdd100k": (bdd, bdd100k),
    "bdd100k, first release": (bdd_first_release, bdd100k),
    "kitti": (kitti, KITTI),
    "acdc": (acdc, ACDC),
    "idd": (indian, idd),
    "vistas 1.2": (vistas_12, vistas),
    "vistas 2.0": (vistas_20, vistas),
    "camvid": (camvid, camvid_colours),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_driving_data_set_is_read_in_street8(name, tmp_path):
    maker, form = MAKERS[name]
    root = tmp_path / "data"
    maker(root)
    assert format_of(root) is form
    dataset = open_dataset(root, "all", "street8")
    assert len(dataset) == 2
    np.testing.assert_array_equal(dataset[0].label, ids(ROAD, CAR, SKY, 255))
    splits = [open_dataset(root, split, "street8").names for split in ("train", "val")]
    assert [len(names) for names in splits] == [1, 1]
    assert set(splits[0]).isdisjoint(splits[1]) or name == "acdc"  # where sequences have names of their own


@pytest.mark.parametrize(
    ("name", "classes"),
    [("bdd100k", "cityscapes19"), ("vistas 1.2", "mapillary"), ("camvid", "camvid32")],
)
def test_without_classes_asked_for_it_has_its_own(name, classes, tmp_path):
    MAKERS[name][0](tmp_path / "data")
    assert open_dataset(tmp_path / "data", "all").taxonomy.same_classes(class_set(classes).taxonomy)


def test_cityscapes_itself_is_no_export(tmp_path):
    write_scenes(tmp_path, {"train": 1}, 16, 32, 0)
    (next((tmp_path / "gtFine" / "train" / "scenes").iterdir()).with_name("x_gtFine_polygons.json")).write_text("{}")
    assert format_of(tmp_path) is None


def test_segnets_camvid_is_no_export(tmp_path):
    photo(tmp_path / "train" / "0001TP_000001.png", 0)
    save_ids(tmp_path / "trainannot" / "0001TP_000001.png", ids(3, 8, 0, 11))
    (tmp_path / "label_colors.txt").write_text("128 64 128 Road\n0 0 0 Void\n")
    assert format_of(tmp_path) is None
