"""The scenes: repeatable, labelled exactly, complete, in the Cityscapes layout, and fast enough."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime import taxonomy
from back.runtime.errors import UserError
from modelisation.scenes.render import Scene, render_scene
from modelisation.scenes.writer import write_scenes

SIZE = (96, 192)
SEEDS = range(24)
INSTANCE_CLASSES = range(24, 34)  # person .. bicycle in the official label table


@pytest.fixture(scope="module")
def some_scenes() -> list[Scene]:
    return [render_scene(seed, *SIZE) for seed in SEEDS]


def test_one_seed_is_one_scene() -> None:
    first, again = render_scene(7, *SIZE), render_scene(7, *SIZE)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.label_ids, again.label_ids)
    np.testing.assert_array_equal(first.instance_ids, again.instance_ids)


def test_a_scene_does_not_depend_on_the_scenes_before_it(some_scenes: list[Scene]) -> None:
    np.testing.assert_array_equal(render_scene(3, *SIZE).image, some_scenes[3].image)


def test_scenes_differ(some_scenes: list[Scene]) -> None:
    assert len({scene.image.tobytes() for scene in some_scenes}) == len(some_scenes)
    assert len({scene.label_ids.tobytes() for scene in some_scenes}) == len(some_scenes)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), height=st.integers(16, 90), width=st.integers(16, 130))
def test_every_size_gives_legal_labels(seed: int, height: int, width: int) -> None:
    scene = render_scene(seed, height, width)
    assert scene.image.shape == (height, width, 3)
    assert scene.image.dtype == np.uint8
    assert scene.label_ids.shape == scene.instance_ids.shape == (height, width)
    assert scene.label_ids.dtype == np.uint8
    assert scene.instance_ids.dtype == np.uint16
    remap = taxonomy.remap_for("cityscapes_label_ids", "street8")
    taxonomy.apply_remap(scene.label_ids, remap, name="scene")  # raises on a value outside the table


def test_instance_ids_follow_the_official_convention(some_scenes: list[Scene]) -> None:
    for scene in some_scenes:
        counted = np.isin(scene.label_ids, INSTANCE_CLASSES)
        np.testing.assert_array_equal(scene.instance_ids[~counted], scene.label_ids[~counted])
        np.testing.assert_array_equal(scene.instance_ids[counted] // 1000, scene.label_ids[counted])
        for label in np.unique(scene.label_ids[counted]):
            numbers = np.unique(scene.instance_ids[scene.label_ids == label] % 1000)
            np.testing.assert_array_equal(numbers, np.arange(len(numbers)))


def test_every_street8_class_occurs_often(some_scenes: list[Scene]) -> None:
    remap = taxonomy.remap_for("cityscapes_label_ids", "street8")
    counts = np.zeros(256, np.int64)
    for scene in some_scenes:
        counts += np.bincount(taxonomy.apply_remap(scene.label_ids, remap).ravel(), minlength=256)
    shares = counts / counts.sum()
    for info in taxonomy.STREET8.classes:
        assert shares[info.id] > 0.003, f"{info.name} covers {shares[info.id]:.2%} of the pixels"
    assert shares[taxonomy.IGNORE] < 0.05


def test_the_things_of_a_street_occur(some_scenes: list[Scene]) -> None:
    present = set().union(*(np.unique(scene.label_ids).tolist() for scene in some_scenes))
    assert {7, 8, 11, 17, 19, 20, 21, 22, 23, 24, 25, 26, 33} <= present


def test_the_sky_is_above_the_road(some_scenes: list[Scene]) -> None:
    for scene in some_scenes:
        road, sky = (np.flatnonzero((scene.label_ids == label).any(axis=1)) for label in (7, 23))
        if len(road) and len(sky):
            assert sky.mean() < road.mean()


def test_labels_and_picture_agree_on_edges() -> None:
    """Where the label changes the picture changes more than elsewhere: the two are not shifted apart."""
    inside, across = [], []
    for seed in range(6):
        scene = render_scene(seed, 192, 384)
        step = np.abs(np.diff(scene.image.astype(np.float32).mean(axis=2), axis=1))
        edge = np.diff(scene.label_ids.astype(np.int16), axis=1) != 0
        across.append(step[edge].mean())
        inside.append(step[~edge].mean())
    assert np.mean(across) > 2.5 * np.mean(inside)


@pytest.mark.parametrize(("seed", "height", "width"), [(-1, 64, 64), (0, 15, 64), (0, 64, 8)])
def test_impossible_scenes_are_refused(seed: int, height: int, width: int) -> None:
    with pytest.raises(UserError, match="scene"):
        render_scene(seed, height, width)


def test_a_data_set_follows_the_cityscapes_layout(tmp_path: Path) -> None:
    written: list[int] = []
    paths = write_scenes(tmp_path, {"train": 2, "val": 1}, 48, 80, seed=5, progress=written.append)
    assert written == [1, 1, 1]
    assert [path.parent.parent.name for path in paths] == ["train", "train", "val"]
    assert len({path.name for path in paths}) == 3, "a name must not occur in two splits"
    pictures = []
    for path in paths:
        stem = path.name.removesuffix("_leftImg8bit.png")
        assert len(stem.split("_")) == 3, "city, sequence and frame, as the official scripts split names"
        truth = tmp_path / "gtFine" / path.parent.relative_to(tmp_path / "leftImg8bit")
        label_ids = np.asarray(Image.open(truth / f"{stem}_gtFine_labelIds.png"))
        instance_ids = np.asarray(Image.open(truth / f"{stem}_gtFine_instanceIds.png")).astype(np.int64)
        assert label_ids.dtype == np.uint8
        assert instance_ids.max() >= 1000
        np.testing.assert_array_equal(np.where(instance_ids >= 1000, instance_ids // 1000, instance_ids), label_ids)
        pictures.append(np.asarray(Image.open(path)))
        assert pictures[-1].shape == (48, 80, 3)
    assert len({picture.tobytes() for picture in pictures}) == 3


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_scenes(tmp_path / name, {"train": 1}, 32, 48, seed=11)
    first, second = (sorted(p for p in (tmp_path / name).rglob("*.png")) for name in ("a", "b"))
    assert len(first) == 3
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_a_negative_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="negative"):
        write_scenes(tmp_path, {"train": -1}, 32, 48)


def test_a_scene_takes_less_than_three_times_as_long_as_saving_its_picture() -> None:
    """CPU seconds of one thread, in turn and the least of each, so that a slow or a busy machine slows both."""
    picture = Image.fromarray(render_scene(0, 512, 1024).image)  # makes the cached textures, too
    rendering, saving = [], []
    for seed in range(100, 107):
        start = time.thread_time()
        render_scene(seed, 512, 1024)
        rendered = time.thread_time()
        picture.save(io.BytesIO(), "PNG")
        rendering.append(rendered - start)
        saving.append(time.thread_time() - rendered)
    assert min(rendering) < 3 * min(saving)
