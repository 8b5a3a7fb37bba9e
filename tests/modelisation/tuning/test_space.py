"""Search spaces: what may be written, and that what is drawn are overrides of a recipe."""

from pathlib import Path

import optuna
import pytest

from back.runtime.errors import UserError
from modelisation.recipe import load_recipe
from modelisation.tuning.space import DEFAULT_SPACE, Choices, Range, draw, load_space

RECIPES = sorted((Path(__file__).parents[3] / "modelisation" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.stem)
@pytest.mark.parametrize("seed", range(5))
def test_the_default_space_gives_valid_recipes(recipe, seed):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    space = load_space(DEFAULT_SPACE)
    drawn = draw(study.ask(), space)
    assert [override.split("=")[0] for override in drawn] == list(space)
    load_recipe(recipe, drawn)


def test_draws_are_written_as_the_command_line_takes_them():
    trial = optuna.trial.FixedTrial(
        {"lr": 0.000123456, "loss.lovasz": "0.5", "augmentation.crop": "[64, 96]", "schedule": "cosine", "epochs": 3}
    )
    space = {
        "lr": Range(low=1e-5, high=1e-3, log=True),
        "loss.lovasz": Choices(choices=[0, 0.5]),
        "augmentation.crop": Choices(choices=[[64, 96], [96, 128]]),
        "schedule": Choices(choices=["poly", "cosine"]),
        "epochs": Range(low=1, high=4, integer=True),
    }
    drawn = draw(trial, space)
    assert drawn[1:] == ["loss.lovasz=0.5", "augmentation.crop=[64, 96]", "schedule=cosine", "epochs=3"]
    recipe = load_recipe(RECIPES[0], drawn)
    assert (recipe.lr, recipe.augmentation.crop, recipe.epochs) == (0.000123, (64, 96), 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: {low: 2, high: 1}", r"lr.*wanted low <= high"),
        ("lr: {low: 0, high: 1, log: true}", r"low > 0 where log is true"),
        ("lr: {choices: []}", r"lr.*at least 1 item"),
        ("lr: 3", r"lr"),
        ("[1, 2]", r"the file: Input should be a valid dictionary"),
        ("{}", r"names no recipe field"),
        ("lr: {", r"not valid YAML"),
    ],
)
def test_a_wrong_space_names_the_field(tmp_path, text, message):
    path = tmp_path / "space.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_space(path)


def test_a_missing_space_names_the_example(tmp_path):
    with pytest.raises(UserError, match=r"no such file; default\.yaml in .* is an example"):
        load_space(tmp_path / "none.yaml")
