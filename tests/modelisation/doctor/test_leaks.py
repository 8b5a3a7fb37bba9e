"""The doctor on what crosses splits, and on CamVid."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from back.runtime.layouts.listing import Pair
from modelisation.doctor.diagnose import diagnose
from modelisation.doctor.leaks import clips_in_two_splits
from tests.modelisation.doctor.planting import FIRST, found

CAMVID = Path(__file__).resolve().parents[3] / ".." / "shared" / "camvid"


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


@pytest.mark.skipif(not CAMVID.is_dir(), reason="CamVid is not at ../shared/camvid")
def test_camvid_has_one_clip_in_two_splits_and_a_val_of_one_scene() -> None:
    diagnosis = diagnose(CAMVID)
    assert diagnosis["counts"] == {"clip_in_two_splits": 1, "one_scene": 1}
    clip, scene = diagnosis["faults"]
    assert clip["path"] == "clip 0016E5"
    assert "val: 101 images, frames 7959 to 8159" in clip["detail"]
    assert "nearest in train: frame 7920 (39 before) and frame 8190 (31 after)" in clip["detail"]
    assert scene["path"] == "split val"
    assert "frames 7959 and 8159 (6.7 s" in scene["detail"]


def clip(**frames: list[int]) -> list[Pair]:
    return [Pair(split, f"clip_{n:05d}", None, None, "clip") for split, numbers in frames.items() for n in numbers]


def test_clip_that_goes_on_in_another_split_names_the_nearest_frames() -> None:
    around = clips_in_two_splits(clip(train=[0, 30, 90, 120], val=[50, 52]))
    assert [f.detail.split("; ")[-1] for f in around] == [
        "nearest in train: frame 30 (20 before) and frame 90 (38 after)"
    ]
    behind = clips_in_two_splits(clip(train=[0, 30, 60], val=[61, 62]))
    assert [f.detail.split("; ")[-1] for f in behind] == ["nearest in train: frame 60 (1 before)"]


def test_clip_whose_frames_are_dealt_out_to_two_splits_is_said_to_be_mixed() -> None:
    mixed = clips_in_two_splits(clip(train=[0, 10, 20, 30], val=[5, 25]))
    assert [f.detail.split("; ")[-1] for f in mixed] == ["they are mixed, the closest two 5 frames apart"]
