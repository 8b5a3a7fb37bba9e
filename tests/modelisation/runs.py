"""Folders as training runs leave them, with weights as they begin."""

import json
from pathlib import Path

import yaml

from back.runtime.card import HISTORY_FILE
from modelisation.export.run_folder import RECIPE_COPY, save_run
from modelisation.models.base import SegmentationModel
from modelisation.recipe import Recipe
from modelisation.training.setup import build_from_recipe, input_contract
from tests.bundles import training_record
from tests.modelisation.tiny import TINY


def run_folder(folder: Path, model: SegmentationModel | None = None, **changes: object) -> SegmentationModel:
    """Write the folder of a run of the tiny recipe; returns the network in the trainer's memory.

    Args:
        folder: to make.
        model: the network; None for the recipe's.
        changes: of the tiny recipe.
    """
    recipe = Recipe.model_validate(TINY | changes)
    folder.mkdir()
    (folder / RECIPE_COPY).write_text(yaml.safe_dump(recipe.model_dump(mode="json")), encoding="utf-8")
    record = training_record(0.0).model_copy(update={"recipe": recipe.model_dump(mode="json")})
    (folder / HISTORY_FILE).write_text(json.dumps({"run_id": record.run_id}), encoding="utf-8")
    model = model or build_from_recipe(recipe)
    save_run(model, input_contract(model, recipe), record, folder)
    return model
