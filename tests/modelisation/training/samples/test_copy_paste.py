"""Copy-paste: objects come whole, at about their own row, image and label together, by the seed alone."""

import numpy as np
import pytest
import torch

from back.runtime.errors import UserError
from back.runtime.taxonomy import TAXONOMIES
from modelisation.data.base import Sample
from modelisation.recipe import Augmentation, CopyPaste
from modelisation.training.samples.augment import TrainingTransform
from modelisation.training.samples.copy_paste import Paster, find_objects

STREET8 = TAXONOMIES["street8"]
PEDESTRIAN, SKY = 4, 6
ALWAYS = CopyPaste(probability=1.0, classes=["pedestrian"], most=1)


def sample_with_people() -> Sample:
    """Sky, a grey L-shaped person of 20x10 pixels at rows 40-59, a speck, and a person as large as a house."""
    label = np.full((100, 200), SKY, np.uint8)
    label[40:60, 30:34] = PEDESTRIAN
    label[56:60, 30:40] = PEDESTRIAN
    label[5:8, 5:8] = PEDESTRIAN
    label[:, 140:] = PEDESTRIAN
    image = np.full((100, 200, 3), 10, np.uint8)
    image[label == PEDESTRIAN] = 200
    return Sample(image, label, "people")


def empty_street() -> Sample:
    return Sample(np.zeros((100, 200, 3), np.uint8), np.zeros((100, 200), np.uint8), "empty")


def test_specks_and_what_fills_the_picture_are_no_objects():
    (found,) = find_objects([empty_street(), sample_with_people()], [PEDESTRIAN])
    assert (found.sample, found.class_id) == (1, PEDESTRIAN)
    assert found.box == (slice(40, 60), slice(30, 40))


def test_an_object_is_pasted_whole_at_about_its_own_row():
    paster = Paster([sample_with_people()], ALWAYS, STREET8)
    columns = set()
    for seed in range(30):
        torch.manual_seed(seed)
        pasted = paster(empty_street())
        mask = pasted.label == PEDESTRIAN
        assert mask.sum() == 20 * 4 + 4 * 6
        assert (pasted.image[mask] == 200).all()
        assert (pasted.image[~mask] == 0).all()
        rows, cols = np.nonzero(mask)
        assert 35 <= rows.min() <= 45
        columns.add(cols.min())
    assert len(columns) > 10


def test_the_sample_itself_is_left_alone():
    sample = empty_street()
    Paster([sample_with_people()], ALWAYS, STREET8)(sample)
    assert not sample.label.any()
    assert not sample.image.any()


def test_the_probability_is_kept():
    paster = Paster([sample_with_people()], CopyPaste(probability=0.3, classes=["pedestrian"]), STREET8)
    torch.manual_seed(1)
    assert 30 < sum(paster(empty_street()).label.any() for _ in range(150)) < 60


def test_the_same_seed_pastes_the_same():
    augmentation = Augmentation(crop=(64, 96), copy_paste=ALWAYS)
    transform = TrainingTransform(augmentation, (0.5,) * 3, 255, Paster([sample_with_people()], ALWAYS, STREET8))
    first = transform(empty_street(), 7)
    torch.rand(100)
    assert all(torch.equal(a, b) for a, b in zip(first, transform(empty_street(), 7), strict=True))
    assert any((transform(empty_street(), seed)[1] == PEDESTRIAN).any() for seed in range(10))


def test_an_object_larger_than_the_picture_is_not_pasted():
    small = Sample(np.zeros((15, 15, 3), np.uint8), np.zeros((15, 15), np.uint8), "small")
    assert not Paster([sample_with_people()], ALWAYS, STREET8)(small).label.any()


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["tram"], "street8 has no tram; it has road, "),
        (["vehicle"], "no object of vehicle in the training pictures"),
    ],
)
def test_classes_that_cannot_be_pasted_are_named(classes, message):
    with pytest.raises(UserError, match=message):
        Paster([sample_with_people()], CopyPaste(classes=classes), STREET8)
