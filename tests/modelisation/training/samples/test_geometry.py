"""Crops: scale counts from the served size; labels and soft targets are bent with the picture."""

import numpy as np
import pytest
import torch
from PIL import Image

from back.runtime.card import InputContract
from modelisation.data.base import Sample
from modelisation.recipe import Augmentation
from modelisation.training.samples.augment import TrainingTransform
from modelisation.training.samples.soft import SoftSample

MEAN = (0.5, 0.5, 0.5)
CONTRACT = InputContract(mean=MEAN, std=MEAN, pixel_budget=120 * 160)


def circle(height: int, width: int) -> Sample:
    """A disc whose diameter is a third of the height, in the middle."""
    y, x = np.mgrid[:height, :width]
    label = (np.hypot(y - height / 2, x - width / 2) < height / 6).astype(np.uint8)
    return Sample(np.repeat(label[..., None] * 200, 3, -1), label, "disc")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_picture_of_more_pixels_is_trained_at_the_size_at_which_it_is_served(times):
    sample = circle(120 * times, 160 * times)
    augmentation = Augmentation(crop=(120, 160), scale=(1, 1), flip=0)
    views = TrainingTransform(augmentation, MEAN, 255, contract=CONTRACT)(sample, 0)
    served = np.asarray(Image.fromarray(sample.label).resize((160, 120), Image.Resampling.NEAREST))
    assert (views.label.numpy() == served).mean() > 0.995
    assert views.label.sum() == pytest.approx(np.pi * 20**2, rel=0.05)


def test_a_large_photo_is_trained_at_its_share_of_pixels():
    contract = CONTRACT.model_copy(update={"photo_share": 0.25, "most_pixels": 240 * 320})
    augmentation = Augmentation(crop=(120, 160), scale=(1, 1), flip=0, rare_class=1)
    views = TrainingTransform(augmentation, MEAN, 255, contract=contract)(circle(480, 640), 0)
    assert views.image.shape == (3, 120, 160)
    half = TrainingTransform(augmentation, MEAN, 255, contract=CONTRACT)(circle(480, 640), 0)
    assert views.label.sum() > 1.5 * half.label.sum()


@pytest.mark.parametrize("bend", ["rotate", "lens", "pitch", "height", "flip"])
def test_labels_and_soft_targets_go_where_the_picture_goes(bend):
    sample = circle(120, 160)
    soft = np.stack([(1 - sample.label) * 255, sample.label * 255], -1)
    taught = SoftSample(sample.image, sample.label, "disc", soft)
    augmentation = Augmentation(crop=(96, 128), scale=(0.8, 1.3), **({"flip": 0.0} | {bend: 1.0}))
    for seed in range(6):
        views = TrainingTransform(augmentation, MEAN, 255, contract=CONTRACT, soft_classes=2)(taught, seed)
        known = views.label != 255
        bright = views.image[0] > 100
        assert (bright == (views.label == 1))[known].float().mean() > 0.98
        says = views.soft[1] > 127
        inside = views.soft.amax(0) > 127
        assert (says == (views.label[::2, ::2] == 1))[inside & known[::2, ::2]].float().mean() > 0.97
        assert inside.float().mean() > 0.5


def test_pictures_without_a_teacher_have_empty_soft_targets_beside_those_that_have_one():
    augmentation = Augmentation(crop=(64, 64), scale=(1, 1))
    views = TrainingTransform(augmentation, MEAN, 255, soft_classes=2)(circle(120, 160), 0)
    assert views.soft.shape == (2, 32, 32)
    assert not views.soft.any()


def test_the_plain_view_shows_the_same_pixels_in_their_own_colours():
    changed = Augmentation(crop=(64, 64), scale=(1, 1), cast=1, gamma=1)
    sample = circle(120, 160)
    views = TrainingTransform(changed, MEAN, 255)(sample, 3)
    own = TrainingTransform(Augmentation(crop=(64, 64), scale=(1, 1)), MEAN, 255)(sample, 3)
    assert torch.equal(views.plain, own.image)
    assert not torch.equal(views.image, own.image)


def test_a_cast_keeps_the_mean_gain_and_changes_the_channels_apart():
    grey = Sample(np.full((64, 64, 3), 100, np.uint8), np.zeros((64, 64), np.uint8), "grey")
    cast = TrainingTransform(Augmentation(crop=(64, 64), scale=(1, 1), cast=1), MEAN, 255)
    for seed in range(5):
        channels = cast(grey, seed).image.float().mean((1, 2))
        assert channels.mean() == pytest.approx(100, abs=1)
        assert channels.max() - channels.min() > 1
        assert channels.max() / channels.min() <= np.exp(0.5) * 1.05
