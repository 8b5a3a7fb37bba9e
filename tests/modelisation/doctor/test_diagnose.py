"""The doctor as a whole: clean scenes have no fault; class frequencies, workers, command."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import STREET8
from modelisation.data.base import DatasetError
from modelisation.doctor.diagnose import diagnose
from modelisation.doctor.text import format_diagnosis
from tests.modelisation.doctor.planting import FIRST, change, found


def test_clean_scenes_have_no_fault(scenes: Path, street8: Path, camvid: Path) -> None:
    assert found(scenes) == []
    assert found(street8) == []
    assert found(camvid) == []


def test_class_frequencies_count_pixels_and_images(street8: Path) -> None:
    classes = diagnose(street8)["classes"]
    labels = [np.asarray(Image.open(p)) for p in sorted((street8 / "train" / "labels").glob("*.png"))]
    counted = np.concatenate([label[label < 255] for label in labels])
    for class_id, name in enumerate(STREET8.names):
        row = classes["train"][name]
        assert row["share"] == pytest.approx((counted == class_id).mean())
        assert row["images"] == sum((label == class_id).any() for label in labels)
        assert row["images"] + row["without"] == 4


def test_images_without_a_class_are_named(street8: Path) -> None:
    names = [f"scenes_{n:06d}_000000.png" for n in (0, 2, 3)]
    for name in names:
        change(street8 / "train" / "labels" / name, lambda label: np.where(label == 6, 7, label).astype(np.uint8))
    diagnosis = diagnose(street8)
    sky = diagnosis["classes"]["train"]["sky"]
    assert [Path(file).name for file in sky["files_without"]] == names
    assert f"  train sky: {names[0]}, {names[1]}, … and 1 more" in format_diagnosis(diagnosis, 2).splitlines()
    assert f"  train sky: {', '.join(names)}" in format_diagnosis(diagnosis, 3).splitlines()
    assert "train sky" not in format_diagnosis(diagnosis, 0)


def test_class_that_no_image_of_a_split_shows(street8: Path) -> None:
    for path in (street8 / "val" / "labels").glob("*.png"):
        change(path, lambda label: np.where(label == 4, 7, label).astype(np.uint8))
    missing = [f for f in diagnose(street8)["faults"] if f["kind"] == "class_missing"]
    assert [(f["path"], f["detail"]) for f in missing if f["path"] == "split val"] == [("split val", "pedestrian")]


def test_worker_processes_find_the_same(street8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label = street8 / "train" / "labels" / f"{FIRST}.png"
    label.unlink()
    alone = diagnose(street8, workers=1)
    monkeypatch.setattr("modelisation.doctor.diagnose._WORTH_WORKERS", 1)
    assert diagnose(street8, workers=2) == alone


def test_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not a data set"):
        diagnose(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        diagnose(tmp_path / "nowhere")
