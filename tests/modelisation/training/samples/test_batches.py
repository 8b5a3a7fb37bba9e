"""Augmentation and batches: right sizes, image and label moved together, and the same for the same seed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from back.runtime.errors import UserError
from modelisation.data.base import Sample
from modelisation.recipe import Augmentation
from modelisation.training.samples.augment import TrainingTransform
from modelisation.training.samples.batches import AugmentedSamples, EpochBatches, make_loader

MEAN = (0.5, 0.5, 0.5)
EVERYTHING = Augmentation(
    crop=(64, 96), scale=(0.5, 2.0), rare_class=0.5, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05,
    blur=0.5, noise=0.5, jpeg=0.5, rotate=0.5, lens=0.5, pitch=0.5, height=0.5, cast=0.5, gamma=0.5, sharpen=0.5,
    vignette=0.5,
)  # fmt: skip


def painted(height: int, width: int, seed: int = 0) -> Sample:
    """A picture whose red channel tells the label: 20 * label + 40."""
    label = np.random.default_rng(seed).integers(0, 8, (-(-height // 16), -(-width // 16)), np.uint8)
    label = np.kron(label, np.ones((16, 16), np.uint8))[:height, :width]
    image = np.stack([20 * label + 40] * 3, -1).astype(np.uint8)
    return Sample(image, label, "painted")


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 200), st.integers(20, 200), st.integers(0, 2**62))
def test_every_crop_has_the_recipes_size_and_legal_labels(height, width, seed):
    image, plain, label, soft = TrainingTransform(EVERYTHING, MEAN, 255)(painted(height, width), seed)
    assert image.shape == plain.shape == (3, 64, 96)
    assert soft.shape == (0, 32, 48)
    assert label.shape == (64, 96)
    assert image.dtype == label.dtype == torch.uint8
    assert set(label.unique().tolist()) <= {*range(8), 255}


@pytest.mark.parametrize("flip", [0.0, 1.0])
@pytest.mark.parametrize("scale", [(1.0, 1.0), (1.7, 1.7), (0.4, 0.4)])
def test_image_and_label_stay_aligned(flip, scale):
    transform = TrainingTransform(Augmentation(crop=(64, 96), scale=scale, flip=flip), MEAN, 255)
    for seed in range(5):
        image, _, label, _ = transform(painted(120, 160, seed), seed)
        known = label != 255
        expected = 20 * label.int() + 40
        # Pixels beside an edge may differ, where the resampling mixes classes; misaligned, one in eight would fit.
        assert ((image[0].int() - expected).abs()[known] <= 1).float().mean() > 0.5
        assert (image[:, ~known] == 128).all()


def test_the_same_seed_gives_the_same_crop_whatever_came_before():
    transform = TrainingTransform(EVERYTHING, MEAN, 255)
    first = transform(painted(120, 160), 7)
    torch.rand(1000)
    again = transform(painted(120, 160), 7)
    other = transform(painted(120, 160), 8)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])


def test_augmenting_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    TrainingTransform(EVERYTHING, MEAN, 255)(painted(120, 160), 7)
    assert torch.equal(torch.rand(4), expected)


def test_rare_class_crops_contain_the_rare_class_more_often():
    label = np.zeros((200, 300), np.uint8)
    label[10:14, 280:284] = 4
    sample = Sample(np.zeros((200, 300, 3), np.uint8), label, "rare")

    def share(rare_class: float) -> float:
        transform = TrainingTransform(Augmentation(crop=(64, 64), scale=(1, 1), rare_class=rare_class), MEAN, 255)
        return float(np.mean([(transform(sample, seed).label == 4).any().item() for seed in range(60)]))

    assert share(1.0) > share(0.0) + 0.25


def test_an_epoch_sees_every_picture_before_one_twice():
    batches = EpochBatches(10, 0, 0.0, 10, 5, seed=1)
    assert sorted(i for batch in batches for i, *_ in batch) == list(range(10))


def test_the_share_of_scenes_is_kept():
    batches = EpochBatches(100, 30, 0.25, 80, 8, seed=1)
    indices = [i for batch in batches for i, *_ in batch]
    assert sum(i >= 100 for i in indices) == 20


def test_an_epoch_can_be_entered_in_the_middle():
    whole = EpochBatches(20, 0, 0.0, 20, 4, seed=1)
    whole.epoch = 3
    part = EpochBatches(20, 0, 0.0, 20, 4, seed=1)
    part.epoch, part.first_batch = 3, 2
    assert list(part) == list(whole)[2:]
    assert len(part) == 3


def test_the_loader_gives_the_batches_in_order():
    # Without a worker process: PyTorch would handle SIGCHLD in this process from then on, and a signal that meets AMX
    # registers in use (bf16) ends it. The command-line test of Ctrl-C trains with a worker.
    samples = [painted(80, 120, i) for i in range(6)]
    dataset = AugmentedSamples(samples, [(1, TrainingTransform(EVERYTHING, MEAN, 255))])
    batches = EpochBatches(6, 0, 0.0, 6, 3, seed=1)
    loaded = list(make_loader(dataset, batches, workers=0))
    expected = [torch.stack([dataset[key][0] for key in batch]) for batch in batches]
    assert all(torch.equal(image, e) for (image, *_), e in zip(loaded, expected, strict=True))


@pytest.mark.parametrize(("epoch", "size"), [(0, (32, 48)), (1, (32, 48)), (2, (64, 64))])
def test_the_epoch_decides_how_large_the_crops_are(epoch, size):
    transforms = [
        (end, TrainingTransform(Augmentation(crop=crop, scale=(1, 1)), MEAN, 255))
        for end, crop in ((2, (32, 48)), (5, (64, 64)))
    ]
    batches = EpochBatches(1, 0, 0.0, 2, 2, seed=1)
    batches.epoch = epoch
    dataset = AugmentedSamples([painted(80, 120, 0)], transforms)
    ((image, _, label, _),) = make_loader(dataset, batches, workers=0)
    assert image.shape[-2:] == label.shape[-2:] == size


def test_an_epoch_without_a_whole_batch_is_refused():
    with pytest.raises(UserError, match="holds no batch of 8"):
        EpochBatches(4, 0, 0.0, 4, 8, seed=1)


def test_every_batch_holds_its_share_of_photos():
    batches = EpochBatches(20, 10, 0.25, 40, 8, seed=1, photos=7, photos_share=0.375)
    seen = []
    for batch in batches:
        photos = [i for i, *_ in batch if i >= 30]
        assert len(photos) == 3
        assert len(batch) == 8
        seen += photos
    assert set(seen) == set(range(30, 37)), "each photo comes before one comes a third time"
    assert sum(20 <= i < 30 for batch in batches for i, *_ in batch) == round(0.25 * 25)
