"""Perturbations: each does what its name says, and picture and label stay in step."""

from pathlib import Path

import numpy as np
import pytest

from back.runtime.taxonomy import STREET8
from modelisation.data.open import open_dataset
from modelisation.evaluation.perturbations import (
    blur,
    brightness,
    cast,
    gamma,
    jpeg,
    noise,
    perturbations,
    rotation,
    scaling,
)
from modelisation.scenes.writer import write_scenes
from tests.bundles import paint

GREY = (128, 128, 128)


@pytest.fixture(scope="module")
def label(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The label map of a rendered street; what is ignored there counts as background, so that it has a colour."""
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(Path(root), {"val": 1}, 120, 160, 3, None)
    street = open_dataset(root, "val")[0].label
    return np.where(street == 255, 7, street).astype(np.uint8)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def flat(value: int, height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def nearest_class(image: np.ndarray) -> np.ndarray:
    colours = np.array([c.color for c in STREET8.classes], int)
    return ((image[:, :, None].astype(int) - colours) ** 2).sum(-1).argmin(-1)


def test_brightness_scales_and_clips() -> None:
    assert (brightness(0.8)(flat(100), flat(0)[..., 0], rng())[0] == 80).all()
    assert (brightness(1.2)(flat(250), flat(0)[..., 0], rng())[0] == 255).all()


def test_blur_has_the_variance_of_its_sigma() -> None:
    image = flat(0, 41, 41)
    image[20, :] = 255
    profile = blur(1.0)(image, image[..., 0], rng())[0][:, 20, 0].astype(float)
    offsets = np.arange(41) - 20
    assert (profile * offsets**2).sum() / profile.sum() == pytest.approx(1.0, abs=0.1)


def test_noise_has_its_sigma_and_comes_back_with_its_seed() -> None:
    image = flat(128, 200, 200)
    noisy, _ = noise(8.0)(image, image[..., 0], rng())
    assert noisy.astype(float).std() == pytest.approx(8.0, rel=0.02)
    assert (noise(8.0)(image, image[..., 0], rng())[0] == noisy).all()


def test_jpeg_leaves_traces_but_the_same_picture(label: np.ndarray) -> None:
    image = paint(label, STREET8)
    difference = np.abs(jpeg(40)(image, label, rng())[0].astype(int) - image)
    assert 0 < difference.mean() < 10
    assert difference.max() > 20


def test_rotation_turns_counter_clockwise_and_ignores_what_comes_from_outside() -> None:
    image = flat(0, 101, 201)
    image[50, 180] = 255
    turned, label = rotation(5.0, GREY)(image, np.zeros((101, 201), np.uint8), rng())
    y, x = np.unravel_index(turned[20:80, 20:, 0].argmax(), turned[20:80, 20:, 0].shape)
    assert (y + 20, x + 20) == (pytest.approx(50 - 80 * np.sin(np.radians(5)), abs=1), pytest.approx(180, abs=1))
    assert label[0, 0] == 255
    assert (turned[0, 0] == GREY).all()
    assert label[50, 100] == 0


@pytest.mark.parametrize("name", perturbations(GREY))
def test_picture_and_label_of_a_street_stay_in_step(name: str, label: np.ndarray) -> None:
    image, moved = perturbations(GREY)[name](paint(label, STREET8), label, rng())
    assert (image.dtype, moved.dtype) == (np.uint8, np.uint8)
    assert image.shape == (*moved.shape, 3)
    if name.startswith(("gamma", "fog", "snow", "frost", "low light")):  # other colours at the same places
        assert (moved == label).all()
        return
    counts = moved != 255
    # Not all of them: outlines are blended, and JPEG halves the colours' resolution.
    assert (nearest_class(image)[counts] == moved[counts]).mean() > 0.9
    assert set(np.unique(moved)) <= {*np.unique(label).tolist(), 255}


@pytest.mark.parametrize(("factor", "size"), [(0.75, (90, 120)), (1.33, (160, 213))])
def test_scaling_gives_the_new_size(label: np.ndarray, factor: float, size: tuple[int, int]) -> None:
    assert scaling(factor)(paint(label, STREET8), label, rng())[1].shape == size


def test_the_original_stays_as_it_is(label: np.ndarray) -> None:
    image = paint(label, STREET8)
    before = image.copy(), label.copy()
    for change in perturbations(GREY).values():
        change(image, label, rng())
    assert (image == before[0]).all()
    assert (label == before[1]).all()


def test_a_cast_scales_each_channel_and_keeps_the_mean_gain(label):
    warm, _ = cast(1.2, 1.0, 0.8)(flat(100), label, rng())
    assert warm[0, 0].tolist() == [120, 100, 80]
    doubled, _ = cast(2.4, 2.0, 1.6)(flat(100), label, rng())
    assert (doubled == warm).all()


def test_a_gamma_keeps_black_and_white(label):
    for value, expected in ((0, 0), (255, 255), (64, round(255 * (64 / 255) ** 0.7))):
        changed, _ = gamma(0.7)(flat(value), label, rng())
        assert (changed == expected).all()
