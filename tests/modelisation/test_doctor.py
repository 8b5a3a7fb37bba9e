"""The doctor on rendered scenes: clean ones have no fault, and each planted fault is found, and nothing else."""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelisation.data.base import DatasetError
from modelisation.data.scenes import write_scenes
from modelisation.doctor import add_arguments, diagnose, run
from modelisation.doctor_faults import KINDS
from modelisation.taxonomy import CITYSCAPES19, CITYSCAPES_TRAIN_LABEL_IDS, STREET8, apply_remap, remap_for

CAMVID = Path(__file__).resolve().parents[2] / ".." / "shared" / "camvid"
FIRST = "scenes_000001_000000"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, {"train": 4, "val": 3}, 144, 288, seed=3)
    return root


@pytest.fixture
def scenes(rendered: Path, tmp_path: Path) -> Path:
    """A copy in the Cityscapes layout, to break."""
    return Path(shutil.copytree(rendered, tmp_path / "scenes"))


@pytest.fixture
def street8(rendered: Path, tmp_path: Path) -> Path:
    """The same scenes as a plain folder of street8 labels."""
    root = tmp_path / "plain"
    table = remap_for("cityscapes_label_ids", "street8")
    for split in ("train", "val"):
        images, labels = root / split / "images", root / split / "labels"
        images.mkdir(parents=True)
        labels.mkdir()
        for path in sorted((rendered / "leftImg8bit" / split).glob("*/*.png")):
            name = path.name.removesuffix("_leftImg8bit.png")
            shutil.copy(path, images / f"{name}.png")
            ids = rendered / "gtFine" / split / "scenes" / f"{name}_gtFine_labelIds.png"
            Image.fromarray(apply_remap(np.asarray(Image.open(ids)), table)).save(labels / f"{name}.png")
    return root


def image_of(root: Path, name: str = FIRST, split: str = "train") -> Path:
    return root / "leftImg8bit" / split / "scenes" / f"{name}_leftImg8bit.png"


def label_of(root: Path, name: str = FIRST, split: str = "train") -> Path:
    return root / "gtFine" / split / "scenes" / f"{name}_gtFine_labelIds.png"


def change(path: Path, function: Callable[[np.ndarray], np.ndarray]) -> None:
    """Rewrite a label file's values."""
    Image.fromarray(function(np.array(Image.open(path)))).save(path)


def found(root: Path) -> list[tuple[str, str]]:
    """Kind and file name of every finding about files."""
    faults = diagnose(root)["faults"]
    return [(f["kind"], Path(f["path"]).name) for f in faults if f["kind"] != "class_missing"]


def test_clean_scenes_have_no_fault(scenes: Path, street8: Path) -> None:
    assert found(scenes) == []
    assert found(street8) == []


def test_image_without_label_and_label_without_image(scenes: Path) -> None:
    label_of(scenes).unlink()
    image_of(scenes, "scenes_000002_000000").unlink()
    assert found(scenes) == [
        ("image_without_label", image_of(scenes).name),
        ("label_without_image", label_of(scenes, "scenes_000002_000000").name),
    ]


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


def test_train_ids_where_label_ids_belong(scenes: Path) -> None:
    table = remap_for("cityscapes_label_ids", "cityscapes19")
    for n in range(4):
        change(label_of(scenes, f"scenes_{n:06d}_000000"), lambda label: apply_remap(label, table))
    assert found(scenes) == [("train_ids", label_of(scenes, f"scenes_{n:06d}_000000").name) for n in range(4)]


def test_street8_ids_where_label_ids_belong_would_be_remapped_again(scenes: Path) -> None:
    table = remap_for("cityscapes_label_ids", "street8")
    change(label_of(scenes), lambda label: apply_remap(label, table))
    assert found(scenes) == [("remapped_already", label_of(scenes).name)]


@pytest.mark.parametrize("remap", ["cityscapes_label_ids", "camvid11"])
def test_remap_applied_twice(street8: Path, remap: str) -> None:
    table = np.full(256, 255, np.uint8)
    for value, target in remap_for(remap, "street8").items():
        table[value] = target
    path = street8 / "val" / "labels" / "scenes_000006_000000.png"
    change(path, lambda label: table[label])
    assert found(street8) == [("remapped_twice", path.name)]


def test_remap_to_nineteen_classes_applied_twice(street8: Path, rendered: Path) -> None:
    (street8 / "dataset.json").write_text(json.dumps({"source": "cityscapes19"}), encoding="utf-8")
    once = remap_for("cityscapes_label_ids", "cityscapes19")
    twice = np.array([once.get(v, 255) for v in range(256)], np.uint8)
    for path in street8.glob("*/labels/*.png"):
        ids = label_of(rendered, path.stem, path.parts[-3])
        Image.fromarray(apply_remap(np.asarray(Image.open(ids)), once)).save(path)
    assert found(street8) == []
    path = street8 / "train" / "labels" / f"{FIRST}.png"
    change(path, lambda label: twice[label])
    assert found(street8) == [("remapped_twice", path.name)]


def test_colour_picture_of_the_labels(scenes: Path) -> None:
    colours = np.zeros((256, 3), np.uint8)
    colours[list(CITYSCAPES_TRAIN_LABEL_IDS)] = [c.color for c in CITYSCAPES19.classes]
    change(label_of(scenes), lambda label: colours[label])
    assert found(scenes) == [("colour_label", label_of(scenes).name)]


def test_sixteen_bit_label(scenes: Path) -> None:
    change(label_of(scenes), lambda label: label.astype(np.uint16))
    assert found(scenes) == [("colour_label", label_of(scenes).name)]


def test_palette_in_another_order_than_the_ids_is_a_trap_and_in_order_is_none(street8: Path) -> None:
    good, bad = (street8 / "train" / "labels" / f"scenes_00000{n}_000000.png" for n in (0, 1))
    # All 256 entries: with fewer, Pillow stores fewer bits a pixel and 255 becomes 15.
    palette = [channel for c in STREET8.classes for channel in c.color] + [0] * 3 * 248
    label = Image.open(good)
    label.putpalette(palette)
    label.save(good)
    # What a colour reduction writes: indices in order of first appearance.
    colours = np.array([c.color for c in STREET8.classes] + [(0, 0, 0)] * 248, np.uint8)
    picture = Image.fromarray(colours[np.asarray(Image.open(bad))])
    picture.quantize(16, dither=Image.Dither.NONE).save(bad)
    assert found(street8) == [("palette_trap", bad.name)]


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


def test_values_outside_the_table(scenes: Path) -> None:
    def spoil(label: np.ndarray) -> np.ndarray:
        label[:3, :3] = 77
        return label

    change(label_of(scenes), spoil)
    assert found(scenes) == [("values_outside_table", label_of(scenes).name)]


def test_camvid_ids_in_a_folder_that_declares_nothing(street8: Path) -> None:
    back = np.array([3, 4, 1, 8, 9, 5, 0, 2] + [11] * 248, np.uint8)
    path = street8 / "train" / "labels" / f"{FIRST}.png"
    change(path, lambda label: back[label])
    assert found(street8) == [("other_encoding", path.name)]
    (street8 / "dataset.json").write_text(json.dumps({"source": "camvid11"}), encoding="utf-8")
    for other in street8.glob("*/labels/*.png"):
        if other != path:
            change(other, lambda label: back[label])
    assert found(street8) == []


def test_near_duplicates_across_splits_though_scaled_brightened_and_recompressed(street8: Path) -> None:
    source = street8 / "train" / "images" / f"{FIRST}.png"
    target = street8 / "val" / "images" / "scenes_000005_000000.png"
    width, height = Image.open(target).size
    copy = Image.open(source).resize((width // 2, height // 2)).resize((width, height))
    copy = copy.point([min(255, int(1.15 * v)) for v in range(256)] * 3)
    target.unlink()
    copy.save(target.with_suffix(".jpg"), quality=60)
    faults = diagnose(street8)["faults"]
    near = [f for f in faults if f["kind"] == "near_duplicate"]
    assert [Path(f["path"]).name for f in near] == [target.with_suffix(".jpg").name]
    assert source.name in near[0]["detail"]


def test_copy_inside_a_split_is_no_leak(street8: Path) -> None:
    images = street8 / "train" / "images"
    shutil.copy(images / f"{FIRST}.png", images / "scenes_000000_000000.png")
    assert not any(kind == "near_duplicate" for kind, _ in found(street8))


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


def test_class_frequencies_count_pixels_and_images(street8: Path) -> None:
    classes = diagnose(street8)["classes"]
    labels = [np.asarray(Image.open(p)) for p in sorted((street8 / "train" / "labels").glob("*.png"))]
    counted = np.concatenate([label[label < 255] for label in labels])
    for class_id, name in enumerate(STREET8.names):
        row = classes["train"][name]
        assert row["share"] == pytest.approx((counted == class_id).mean())
        assert row["images"] == sum((label == class_id).any() for label in labels)
        assert row["images"] + row["without"] == 4


def test_class_that_no_image_of_a_split_shows(street8: Path) -> None:
    for path in (street8 / "val" / "labels").glob("*.png"):
        change(path, lambda label: np.where(label == 4, 7, label).astype(np.uint8))
    missing = [f for f in diagnose(street8)["faults"] if f["kind"] == "class_missing"]
    assert [(f["path"], f["detail"]) for f in missing if f["path"] == "split val"] == [("split val", "pedestrian")]


def test_worker_processes_find_the_same(street8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label = street8 / "train" / "labels" / f"{FIRST}.png"
    label.unlink()
    alone = diagnose(street8, workers=1)
    monkeypatch.setattr("modelisation.doctor._WORTH_WORKERS", 1)
    assert diagnose(street8, workers=2) == alone


def test_command_names_files_and_fixes_and_fails_on_errors(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args([str(scenes)])) == 0
    assert "share of the labelled pixels" in capsys.readouterr().out
    label_of(scenes).unlink()
    report = tmp_path / "doctor.json"
    assert run(parser.parse_args([str(scenes), "--json", str(report)])) == 1
    printed = capsys.readouterr().out
    assert "error: image without a label: 1" in printed
    assert f"fix: {KINDS['image_without_label'].fix}" in printed
    assert image_of(scenes).name in printed
    assert json.loads(report.read_text(encoding="utf-8"))["counts"]["image_without_label"] == 1


def test_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not a data set"):
        diagnose(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        diagnose(tmp_path / "nowhere")


@pytest.mark.skipif(not CAMVID.is_dir(), reason="CamVid is not at ../shared/camvid")
def test_camvid_has_one_clip_in_two_splits_and_a_val_of_one_scene() -> None:
    diagnosis = diagnose(CAMVID)
    assert diagnosis["counts"] == {"clip_in_two_splits": 1, "one_scene": 1}
    clip, scene = diagnosis["faults"]
    assert clip["path"] == "clip 0016E5"
    assert "val: 101 images, frames 7959 to 8159" in clip["detail"]
    assert scene["path"] == "split val"
