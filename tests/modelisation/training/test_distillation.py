"""Distillation: the teacher's probabilities are its bundle's, and pull the student towards them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from back.runtime.card import BundleError, read_card, sha256_of
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import TAXONOMIES
from modelisation.recipe import Loss
from modelisation.scenes.render import render_scene
from modelisation.training.distillation import Teacher, add_teacher
from modelisation.training.loss import make_criterion
from tests.bundles import rewrite_card

BUNDLE = Path(__file__).parents[3] / "modelisation" / "bundled" / "deeplabv3plus"
CPU = torch.device("cpu")


def test_the_teacher_says_what_its_bundle_serves():
    image = render_scene(3, 256, 512).image.copy()
    labels = Teacher(BUNDLE, TAXONOMIES["street8"], CPU).probabilities(torch.from_numpy(image)[None]).argmax(1)[0]
    served = Predictor.load(BUNDLE, pixel_budget=256 * 512).predict_array(image).labels_HW
    assert (labels.numpy() == served[::2, ::2]).mean() > 0.98


def test_a_teacher_of_other_classes_is_refused():
    with pytest.raises(UserError, match="the teacher knows street8, the recipe wants cityscapes19"):
        Teacher(BUNDLE, TAXONOMIES["cityscapes19"], CPU)


def test_the_teacher_says_which_network_it_is_and_on_what_terms():
    record = Teacher(BUNDLE, TAXONOMIES["street8"], CPU).record
    assert record.name == "deeplabv3plus"
    assert record.sha256 == sha256_of(BUNDLE / "model.onnx")
    assert record.weights_licence == read_card(BUNDLE).training.weights_licence


def test_a_teacher_whose_weights_are_not_those_of_its_card_is_refused(tmp_path):
    other = shutil.copytree(BUNDLE, tmp_path / "other")
    with (other / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    with pytest.raises(BundleError, match=r"model.safetensors: content does not match"):
        Teacher(other, TAXONOMIES["street8"], CPU)


def test_a_teacher_without_a_training_record_has_unknown_terms(tmp_path):
    bundle = shutil.copytree(BUNDLE, tmp_path / "other")
    rewrite_card(bundle, training=None)
    assert Teacher(bundle, TAXONOMIES["street8"], CPU).record.weights_licence is None


def test_the_soft_part_is_the_cross_entropy_with_the_teacher_on_ignored_pixels_too():
    rng = torch.Generator().manual_seed(1)
    scores = torch.randn(2, 8, 16, 24, generator=rng)
    target = torch.randn(2, 8, 8, 12, generator=rng).softmax(1)
    label = torch.full((2, 16, 24), 255)
    label[:, :4] = 3
    criterion = make_criterion(Loss(), 255)
    expected = criterion(scores, label) + 0.5 * F.cross_entropy(scores[..., ::2, ::2], target)
    torch.testing.assert_close(add_teacher(criterion, target, 0.5)(scores, label), expected)


def test_a_student_that_only_hears_its_teacher_learns_its_labels():
    target = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(2)).mul(4).softmax(1)
    scores = torch.zeros(1, 8, 16, 16, requires_grad=True)
    label = torch.full((1, 16, 16), 255)
    optimiser = torch.optim.SGD([scores], lr=50.0)
    for _ in range(100):
        optimiser.zero_grad()
        add_teacher(lambda s, _: 0 * s.sum(), target, 1.0)(scores, label).backward()
        optimiser.step()
    np.testing.assert_array_equal(scores[..., ::2, ::2].argmax(1), target.argmax(1))
