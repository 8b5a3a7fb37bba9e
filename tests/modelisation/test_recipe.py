"""Recipes: the shipped ones are valid, overrides work, mistakes are named."""

from itertools import takewhile
from pathlib import Path

import pytest

from back.runtime.errors import UserError
from modelisation.models import ARCHITECTURES
from modelisation.recipe import load_recipe

RECIPES = sorted((Path(__file__).parents[2] / "modelisation" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_shipped_recipe_is_valid_and_says_what_to_expect(path):
    recipe = load_recipe(path)
    assert recipe.architecture in ARCHITECTURES
    comment = "\n".join(takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines()))
    assert "Expect" in comment, "the first comment says what to expect, and after how long"


def test_overrides_reach_nested_fields_and_are_yaml():
    recipe = load_recipe(RECIPES[0], ["epochs=3", "augmentation.crop=[64, 96]", "loss.dice=0.5"])
    assert (recipe.epochs, recipe.augmentation.crop, recipe.loss.dice) == (3, (64, 96), 0.5)


def test_small_crops_come_first_and_keep_the_rest_of_the_augmentation():
    recipe = load_recipe(
        RECIPES[0],
        ["epochs=5", "small_crops_first=[{until_epoch: 2, crop: [64, 96], scale: [0.3, 0.8]}]"],
    )
    (end, small), (last, full) = recipe.augmentations()
    assert (end, small.crop, small.scale) == (2, (64, 96), (0.3, 0.8))
    assert (last, full) == (5, recipe.augmentation)
    assert small.flip == full.flip


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "wanted key=value"),
        ("epochs=0", "epochs: Input should be greater than 0"),
        ("speed=9", "speed: Extra"),
    ],
)
def test_a_wrong_override_names_the_field(override, message):
    with pytest.raises(UserError, match=message):
        load_recipe(RECIPES[0], [override])


def test_a_missing_recipe_lists_those_there_are(tmp_path):
    with pytest.raises(UserError, match=r"no such recipe; modelisation/recipes holds .*segformer\.yaml"):
        load_recipe(tmp_path / "none.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("- 1", encoding="utf-8")
    with pytest.raises(UserError, match="wanted a mapping"):
        load_recipe(path)
