"""What a run needs before its first step: a folder of its own that keeps the recipe, the weights to begin with."""

import re

import pytest
import yaml

from modelisation.checkpoint import FOLDER
from modelisation.export import RECIPE_COPY
from modelisation.recipe import Recipe, RecipeError
from modelisation.setup_run import prepare_run_dir

FIELDS = {"name": "tiny", "description": "d", "limits": "l", "architecture": "segformer", "epochs": 2, "lr": 1e-3}


@pytest.fixture
def run_dir(tmp_path):
    """A run's folder with a checkpoint, as an interrupted run leaves it."""
    path = tmp_path / "run"
    prepare_run_dir(Recipe.model_validate(FIELDS), path, resume=False)
    (path / FOLDER).mkdir()
    return path


def test_the_same_recipe_resumes(run_dir):
    prepare_run_dir(Recipe.model_validate(FIELDS), run_dir, resume=True)


def test_a_run_from_before_a_field_was_added_resumes(run_dir):
    copy = run_dir / RECIPE_COPY
    stored = yaml.safe_load(copy.read_text(encoding="utf-8"))
    del stored["schedule"], stored["augmentation"]["jpeg"]
    copy.write_text(yaml.safe_dump(stored), encoding="utf-8")
    prepare_run_dir(Recipe.model_validate(FIELDS), run_dir, resume=True)
    with pytest.raises(RecipeError, match="differs from this recipe in schedule"):
        prepare_run_dir(Recipe.model_validate(FIELDS | {"schedule": "cosine"}), run_dir, resume=True)


def test_another_recipe_is_refused_with_the_fields_that_differ(run_dir):
    other = Recipe.model_validate(FIELDS | {"epochs": 3, "augmentation": {"flip": 0.0}})
    with pytest.raises(RecipeError, match=r"differs from this recipe in epochs, augmentation; resume with the same"):
        prepare_run_dir(other, run_dir, resume=True)


def test_a_copy_that_is_no_recipe_is_named(run_dir):
    (run_dir / RECIPE_COPY).write_text("speed: 9\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=re.escape(f"{run_dir / RECIPE_COPY}: ")):
        prepare_run_dir(Recipe.model_validate(FIELDS), run_dir, resume=True)
