"""Distillation: the teacher's probabilities are its bundle's, and pull the student towards them."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from back.runtime.predictor import Predictor
from modelisation.data.scenes import render_scene
from modelisation.distillation import Teacher, distilled
from modelisation.loss import make_criterion
from modelisation.recipe import Loss, RecipeError
from modelisation.taxonomy import TAXONOMIES

BUNDLE = Path(__file__).parents[2] / "modelisation" / "bundled" / "deeplabv3plus"
CPU = torch.device("cpu")


def test_the_teacher_says_what_its_bundle_serves():
    image = render_scene(3, 256, 512).image.copy()
    labels = Teacher(BUNDLE, TAXONOMIES["street8"], CPU).probabilities(torch.from_numpy(image)[None]).argmax(1)[0]
    served = Predictor.load(BUNDLE, pixel_budget=256 * 512).predict_array(image).labels_HW
    assert (labels.numpy() == served[::2, ::2]).mean() > 0.98


def test_a_teacher_of_other_classes_is_refused():
    with pytest.raises(RecipeError, match="the teacher knows street8, the recipe wants cityscapes19"):
        Teacher(BUNDLE, TAXONOMIES["cityscapes19"], CPU)


def test_the_soft_part_is_the_cross_entropy_with_the_teacher_on_ignored_pixels_too():
    rng = torch.Generator().manual_seed(1)
    scores = torch.randn(2, 8, 16, 24, generator=rng)
    target = torch.randn(2, 8, 8, 12, generator=rng).softmax(1)
    label = torch.full((2, 16, 24), 255)
    label[:, :4] = 3
    criterion = make_criterion(Loss(), 255)
    expected = criterion(scores, label) + 0.5 * F.cross_entropy(scores[..., ::2, ::2], target)
    torch.testing.assert_close(distilled(criterion, target, 0.5)(scores, label), expected)


def test_a_student_that_only_hears_its_teacher_learns_its_labels():
    target = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(2)).mul(4).softmax(1)
    scores = torch.zeros(1, 8, 16, 16, requires_grad=True)
    label = torch.full((1, 16, 16), 255)
    optimiser = torch.optim.SGD([scores], lr=50.0)
    for _ in range(100):
        optimiser.zero_grad()
        distilled(lambda s, _: 0 * s.sum(), target, 1.0)(scores, label).backward()
        optimiser.step()
    np.testing.assert_array_equal(scores[..., ::2, ::2].argmax(1), target.argmax(1))
