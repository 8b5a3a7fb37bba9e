"""What the training notebooks show of the inside is what training and serving do."""

from pathlib import Path

import numpy as np
import pytest
import torch

from back.runtime.taxonomy import STREET8
from modelisation.data.base import Sample
from modelisation.data.open import open_dataset
from modelisation.figures.colours import label_colours
from modelisation.notebooks.inside import crops_figure, loss_figure, parts_table, worst_figure
from modelisation.recipe import Loss, Recipe
from modelisation.training.setup import build_from_recipe, training_data
from tests.modelisation.tiny import SEGFORMER, TINY, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), train=2)


def test_the_crops_shown_are_those_that_training_makes(data: Path) -> None:
    augmentation = {"crop": [64, 64], "scale": [0.8, 1.2], "cast": 1.0, "gamma": 1.0, "rotate": 1.0}
    recipe = Recipe.model_validate(TINY | {"augmentation": augmentation})
    dataset = open_dataset(data, "train")
    network = build_from_recipe(recipe, dataset.taxonomy)
    shown = crops_figure(recipe, dataset, network, count=3).axes
    samples, _ = training_data(recipe, dataset, network)
    for seed, index in enumerate((0, 1, 0)):
        views = samples[(index, seed, 0)]
        np.testing.assert_array_equal(shown[seed].images[0].get_array(), views.image.permute(1, 2, 0))
        colours = label_colours(dataset.taxonomy)[views.label]
        np.testing.assert_array_equal(shown[3 + seed].images[0].get_array(), colours)


def test_the_parts_are_in_order_with_their_shapes_and_parameters(data: Path) -> None:
    recipe = Recipe.model_validate(TINY | SEGFORMER)
    network = build_from_recipe(recipe)
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in parts_table(network, (64, 96)).splitlines()[2:]
    ]
    total = sum(p.numel() for p in network.parameters())
    assert rows[-1] == ["scores", "", "8 × 16 × 24", f"{total:,}"]
    for name, kind, _, parameters in rows[:-1]:
        module = network.get_submodule(name.strip("`"))
        assert kind == type(module).__name__
        assert parameters == f"{sum(p.numel() for p in module.parameters()):,}"
    names = [row[0] for row in rows]
    assert len(names) == len(set(names)) >= 3


def test_the_toy_loss_falls_as_the_rare_class_is_found_and_lovasz_minds_it_most() -> None:
    axes = loss_figure(Loss(cross_entropy=1.0, lovasz=1.0)).axes[0]
    curves = {line.get_label(): np.asarray(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) > 2}
    assert set(curves) == {"cross-entropy × 1", "Lovász × 1", "all together"}
    assert all((np.diff(curve) <= 1e-6).all() for curve in curves.values())
    np.testing.assert_allclose(curves["all together"], curves["cross-entropy × 1"] + curves["Lovász × 1"], rtol=1e-5)
    # By hand: 16 of 256 pixels at a margin of -4, the others at a margin of 4.
    by_hand = (16 * np.log1p(np.exp(4)) + 240 * np.log1p(np.exp(-4))) / 256
    assert curves["cross-entropy × 1"][0] == pytest.approx(by_hand, rel=1e-5)
    assert curves["Lovász × 1"][0] > 1.5 * curves["cross-entropy × 1"][0]


def test_one_part_has_one_curve() -> None:
    assert len(loss_figure(Loss(cross_entropy=1.0)).axes[0].get_legend().get_texts()) == 1


def test_the_worst_pictures_come_first_and_unlabelled_pixels_are_no_errors() -> None:
    label_HW = np.zeros((4, 4), np.uint8)
    label_HW[0] = 255
    answers = []
    for name, wrong in (("good", 0), ("worst", 6), ("bad", 3)):
        labels_HW = np.zeros((4, 4), np.uint8)
        labels_HW.reshape(-1)[: 4 + wrong] = 1
        answers.append((Sample(np.zeros((4, 4, 3), np.uint8), label_HW, name), labels_HW))
    axes = worst_figure(answers, STREET8, count=2).axes
    assert [axes[i].get_title() for i in (0, 4)] == ["worst", "bad"]
    assert axes[3].get_title() == "50 % of the labelled pixels are wrong"
    errors = axes[3].images[0].get_array()
    assert (errors[0] == 255).all()
    red = (errors == (214, 39, 40)).all(-1)
    assert torch.tensor(red).sum() == 6
