"""Recipes: the shipped ones are valid, overrides work, mistakes are named."""

import re
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
        ("augmentation.flip=50", "augmentation.flip: Input should be less than or equal to 1"),
        ("augmentation.flip=-0.1", "augmentation.flip: "),
        ("augmentation.crop=[0, 0]", "augmentation.crop.0: Input should be greater than or equal to 32"),
        ("augmentation.crop=[64]", "augmentation.crop.1: Field required"),
        ("augmentation.scale=[2, 0.5]", "augmentation.scale: wanted the smaller number first, not 2.0 before 0.5"),
        ("augmentation.scale=[0, 1]", "augmentation.scale.0: "),
        ("augmentation.scale=[0.5, .inf]", "augmentation.scale.1: "),
        ("augmentation.jpeg=2", "augmentation.jpeg: "),
        ("augmentation.boards=1.5", "augmentation.boards: Input should be less than or equal to 1"),
        ("augmentation.boards=-0.1", "augmentation.boards: "),
        ("augmentation.hue=0.9", "augmentation.hue: "),
        ("augmentation.brightness=-1", "augmentation.brightness: "),
        ("workers=-1", "workers: Input should be greater than or equal to 0"),
        ("batch_size=0", "batch_size: "),
        ("seed=-1", "seed: "),
        ("warmup_steps=-5", "warmup_steps: "),
        ("weight_decay=-0.1", "weight_decay: "),
        ("lr=.nan", "lr: "),
        ("lr=.inf", "lr: Input should be a finite number"),
        ("pixel_budget=0", "pixel_budget: "),
        ("loss.dice=-1", "loss.dice: "),
        ("loss={cross_entropy: 0}", "loss: every part has weight 0"),
        ("loss.label_smoothing=1", "loss.label_smoothing: "),
        ("taxonomy=street9", "taxonomy: unknown class set 'street9'; known: street8"),
        ("val_split=", "val_split: "),
        (
            "small_crops_first=[{until_epoch: 3, crop: [64, 64], scale: [1, 1]},"
            " {until_epoch: 2, crop: [64, 64], scale: [1, 1]}]",
            "small_crops_first: until_epoch must rise from part to part, not 3, 2",
        ),
        ("name.first=x", "name has no parts"),
        ("lr=[1", "is not valid YAML"),
    ],
)
def test_a_wrong_override_names_the_field(override, message):
    with pytest.raises(UserError, match=re.escape(message)):
        load_recipe(RECIPES[0], [override])


def test_a_missing_recipe_lists_those_there_are(tmp_path):
    with pytest.raises(UserError, match=r"no such recipe; modelisation/recipes holds .*segformer\.yaml"):
        load_recipe(tmp_path / "none.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("- 1", encoding="utf-8")
    with pytest.raises(UserError, match="wanted a mapping"):
        load_recipe(path)


@pytest.mark.parametrize("content", [b"name: [", b"\xff\xfe not UTF-8", b"[" * 3000])
def test_a_file_that_is_no_yaml_is_named_in_one_line(tmp_path, content):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.yaml: not valid YAML") as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


def test_parts_that_a_recipe_leaves_empty_can_be_set(tmp_path):
    path = tmp_path / "empty.yaml"
    text = RECIPES[0].read_text(encoding="utf-8")
    path.write_text(text + "\ndistillation:\n", encoding="utf-8")
    assert load_recipe(path, ["distillation.teacher=there"]).distillation.teacher == "there"
