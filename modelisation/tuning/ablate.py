"""What each choice of a recipe is worth: variants of it, trained alike."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from back.runtime.card import TrainingRecord
from back.runtime.errors import UserError
from modelisation.data.class_sets import classes_for
from modelisation.data.open import open_dataset
from modelisation.export.run_folder import RECORD_FILE
from modelisation.outputs.mark import Mark, check_free, claim, release, remove
from modelisation.provenance import REPOSITORY
from modelisation.recipe import Recipe, load_recipe
from modelisation.training import checkpoint
from modelisation.training.fit import fit
from modelisation.training.setup import build_from_recipe
from modelisation.training.tracking import ParentRun
from modelisation.tuning.results import BASELINE, RESULTS, Ablation, Result, read_ablations, write_ablations
from modelisation.yaml_files import first_mistake, read_yaml


class Variants(BaseModel):
    """An ablation file: a recipe, what all its runs change, and what each variant changes on top."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    recipe: str = Field(description="recipe file, seen from the ablation file's folder")
    overrides: list[str] = Field(default_factory=list, description="key=value, for the baseline too")
    variants: dict[str, list[str]]


def load_variants(path: Path) -> Variants:
    """Read an ablation file. Raises `UserError` where it is missing or not of the form of `Variants`."""
    if not path.exists():
        raise UserError(f"{path}: no such file; modelisation/recipes/ablations holds some")
    try:
        return Variants.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UserError(f"{path}: {first_mistake(error)}") from error


def ablate(
    file: Path,
    data: Path,
    *,
    seeds: int = 1,
    results: Path = RESULTS,
    run_dir: Path | None = None,
) -> Ablation:
    """Train the baseline and every variant with every seed, and write the scores after each run.

    What `results` holds already, by the same recipe, is not trained again; a run that was interrupted goes on from
    its checkpoint.

    Args:
        file: the ablation file, see `Variants`.
        data: folder of a data set that `open_dataset` recognises.
        seeds: runs of each variant, the first with the recipe's own seed.
        results: JSON file of every ablation's results, by the name of its file.
        run_dir: folder for the runs at work, new, empty or of an earlier ablation; each is removed when it is done.

    Raises:
        Interrupted: stopped by Ctrl-C.
        UserError: the file, its recipe or one of its overrides is wrong; all are checked before the first run.
    """
    plan = load_variants(file)
    recipe_file = file.parent / plan.recipe
    run_dir = run_dir or REPOSITORY / "runs" / f"ablation_{file.stem}"
    check_free(run_dir, "ablation", [data, file, recipe_file, results])
    changes: dict[str, list[str]] = {BASELINE: [], **plan.variants}
    recipes = {name: load_recipe(recipe_file, [*plan.overrides, *own]) for name, own in changes.items()}
    splits = {(recipe.val_split, recipe.taxonomy) for recipe in recipes.values()}
    measured_on = {
        split: open_dataset(data, split, taxonomy).split_sha256 for split, taxonomy in sorted(splits, key=str)
    }
    first = recipes[BASELINE].seed
    todo = [
        (name, recipe.model_copy(update={"seed": seed}))
        for seed in range(first, first + seeds)
        for name, recipe in recipes.items()
    ]
    ablations = read_ablations(results)
    ablation = ablations.get(file.stem, Ablation(dataset="", split="", results=[]))
    # Results of variants that the file no longer has, that changed, or that were measured on other data are dropped
    # when the first new one comes.
    wanted = {(name, _sha256(recipe), measured_on[recipe.val_split]) for name, recipe in recipes.items()}
    done = [r for r in ablation.results if (r.variant, r.recipe_sha256, r.split_sha256) in wanted]
    finished = {(result.variant, result.seed) for result in done}
    todo = [(name, recipe) for name, recipe in todo if (name, recipe.seed) not in finished]
    if not todo:
        return ablation
    for recipe in recipes.values():
        build_from_recipe(recipe, classes_for(data, recipe.taxonomy).taxonomy)
    claim(run_dir, Mark(kind="ablation"))
    with ParentRun(f"ablation {file.stem}") as parent:
        for name, recipe in todo:
            print(f"{name}, seed {recipe.seed}")
            at_work = run_dir / _folder_name(name, recipe.seed)
            result, record = _run(name, recipe, data, at_work, parent.run_id, measured_on[recipe.val_split])
            done.append(result)
            ablation = Ablation(dataset=record.dataset, split=recipe.val_split, results=done)
            ablations[file.stem] = ablation
            write_ablations(results, ablations)
    release(run_dir)
    return ablation


def _run(
    name: str, recipe: Recipe, data: Path, run_dir: Path, parent_run: str, split_sha256: str
) -> tuple[Result, TrainingRecord]:
    scores = fit(recipe, data, run_dir, resume=checkpoint.exists(run_dir), parent_run=parent_run)
    record = TrainingRecord.model_validate_json((run_dir / RECORD_FILE).read_text(encoding="utf-8"))
    remove(run_dir, "run")
    result = Result(
        variant=name,
        seed=recipe.seed,
        miou=scores["miou"],
        class_iou=scores["class_iou"],
        steps=record.steps,
        minutes=round(record.wall_time_s / 60, 1),
        git_commit=record.git_commit,
        recipe_sha256=_sha256(recipe),
        split_sha256=split_sha256,
    )
    return result, record


def _folder_name(variant: str, seed: int) -> str:
    return re.sub(r"\W+", "_", f"{variant}_{seed}")


def _sha256(recipe: Recipe) -> str:
    """A recipe's hash but for the seed; fields at their defaults are left out, so one added later changes nothing."""
    fields: dict[str, Any] = recipe.model_dump(mode="json", exclude={"seed"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]
