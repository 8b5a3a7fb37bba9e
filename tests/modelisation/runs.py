"""Folders as training runs leave them, with weights as they begin."""

import json
from pathlib import Path

import yaml

from back.runtime.card import HISTORY_FILE, TrainingRecord
from modelisation.export.from_run import RECIPE_COPY, save_run
from modelisation.models.base import SegmentationModel
from modelisation.recipe import Recipe
from modelisation.training.setup import build_from_recipe, input_contract
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
    (folder / HISTORY_FILE).write_text(json.dumps({"run_id": "0" * 32}), encoding="utf-8")
    record = TrainingRecord(
        run_id="0" * 32,
        git_commit="0" * 40,
        git_dirty=False,
        seed=0,
        recipe=recipe.model_dump(mode="json"),
        dataset="scenes",
        split="train",
        split_sha256="0" * 64,
        data_licence="MIT",
        weights_licence="MIT",
        initialisation="random",
        epochs=1,
        steps=1,
        wall_time_s=1.0,
        packages={},
    )
    model = model or build_from_recipe(recipe)
    save_run(model, input_contract(model, recipe), record, folder)
    return model
