"""Random search of a recipe's hyper-parameters (Bergstra & Bengio, JMLR 2012), hopeless trials stopped early."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
from optuna.trial import FrozenTrial, TrialState

from back.runtime.errors import UserError
from modelisation.data.class_sets import classes_for
from modelisation.data.open import open_dataset
from modelisation.outputs.mark import Mark, check_free, claim, release, remove
from modelisation.provenance import REPOSITORY
from modelisation.recipe import Recipe, load_recipe
from modelisation.training.fit import TrainingError, fit
from modelisation.training.setup import build_from_recipe
from modelisation.training.stopping import Interrupted
from modelisation.training.tracking import ParentRun
from modelisation.tuning.results import DATABASE
from modelisation.tuning.space import Space, draw

# Choices belong on a clip that training never saw; val stays for the end.
DEV_SPLITS = ["train_split=devtrain", "val_split=dev"]
# So many trials run to their end before the first is stopped; a trial always ends its first epoch.
_UNPRUNED_TRIALS = 4
_TRIAL = "trial"


class _Pruned(Interrupted):
    """This trial is worse than the median of those before it at the same epoch."""


def search(
    recipe_file: Path,
    data: Path,
    space: Space,
    *,
    trials: int,
    overrides: list[str] | None = None,
    database: Path = DATABASE,
    run_dir: Path | None = None,
) -> optuna.Study:
    """Train a recipe with fields drawn at random until `trials` trials are done, those of earlier calls counted in.

    The study maximises the validation mIoU of the last epoch on `dev`, and is kept in an SQLite file under the
    recipe's name. Each trial's draw depends on its number alone, so a search that was stopped goes on as if it had
    not been. In MLflow the trials are listed under one run of the search.

    Args:
        recipe_file: what to train.
        data: folder of a data set that `open_dataset` recognises.
        space: the fields to draw.
        trials: how many trials the study is to hold.
        overrides: recipe fields for every trial, as --set; the splits are devtrain and dev unless set here.
        database: SQLite file of the study.
        run_dir: folder for the trial at work, new, empty or of an earlier search; removed after it.

    Raises:
        Interrupted: stopped by Ctrl-C; the trial at work is drawn again by the next call.
        UserError: the database holds a search of another recipe, space or data under this name.
        UserError: the recipe, an override or a drawn value is wrong.
    """
    fixed = [*DEV_SPLITS, *(overrides or [])]
    recipe = load_recipe(recipe_file, fixed)
    run_dir = run_dir or REPOSITORY / "runs" / f"search_{recipe.name}"
    check_free(run_dir, "search", [data, recipe_file, database])
    splits = _data_of(recipe, data)
    check_database(database)
    build_from_recipe(recipe, classes_for(data, recipe.taxonomy).taxonomy)
    study = _open_study(database, recipe, space, splits)
    claim(run_dir, Mark(kind="search"))
    try:
        with ParentRun(f"search {recipe.name}", study.user_attrs.get("mlflow_run_id")) as parent:
            study.set_user_attr("mlflow_run_id", parent.run_id)
            while (number := len(finished_trials(study))) < trials:
                study.sampler = optuna.samplers.RandomSampler(seed=1009 * recipe.seed + number)
                trial = study.ask()
                try:
                    drawn = draw(trial, space)
                    trial.set_user_attr("overrides", drawn)
                    print(f"trial {number + 1} of {trials}: {' '.join(drawn)}")
                    miou = _train(load_recipe(recipe_file, [*fixed, *drawn]), data, run_dir, trial, parent.run_id)
                except (_Pruned, TrainingError) as reason:
                    study.tell(trial, state=TrialState.PRUNED)
                    print(f"trial {number + 1} stopped early: {reason}")
                except BaseException:
                    study.tell(trial, state=TrialState.FAIL)
                    raise
                else:
                    study.tell(trial, miou)
                    print(f"trial {number + 1}: mIoU {miou:.4f}, best so far {study.best_value:.4f}")
                    parent.log_metric("best_val_miou", study.best_value, number + 1)
    finally:
        release(run_dir)
    return study


def _train(recipe: Recipe, data: Path, run_dir: Path, trial: optuna.Trial, parent_run: str) -> float:
    def report(epoch: int, evaluated: dict[str, Any]) -> None:
        trial.report(evaluated["miou"], epoch)
        if epoch < recipe.epochs and trial.should_prune():
            raise _Pruned(f"mIoU {evaluated['miou']:.4f} after epoch {epoch} is below the median")

    folder = run_dir / _TRIAL
    remove(folder, "run")  # what a trial left whose process was killed
    try:
        return float(fit(recipe, data, folder, on_epoch=report, parent_run=parent_run)["miou"])
    finally:
        remove(folder, "run")


def _data_of(recipe: Recipe, data: Path) -> dict[str, str]:
    """Hash of the file list of each split that a trial reads: trials on other data belong to another study."""
    splits = (recipe.train_split, recipe.val_split)
    return {split: open_dataset(data, split, recipe.taxonomy).split_sha256 for split in splits}


def check_database(path: Path) -> None:
    """Raises UserError: the file is there already and no study's, so that ours would be mixed with its tables."""
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            found = connection.execute("select 1 from sqlite_master where name = 'studies'").fetchone()
    except sqlite3.Error:
        found = None
    if not found:
        raise UserError(f"{path} is there already and holds no search; give another file with --study")


def _open_study(database: Path, recipe: Recipe, space: Space, data: dict[str, str]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    database.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{database}",
        study_name=recipe.name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS),
    )
    setup = {
        "recipe": recipe.model_dump(mode="json", exclude_defaults=True),
        "space": {key: part.model_dump() for key, part in space.items()},
        "data": data,
    }
    before = study.user_attrs.get("setup", setup)
    if changed := [name for name in setup if before[name] != setup[name]]:
        raise UserError(
            f"{database} holds a search for {recipe.name} with another {' and '.join(changed)}; "
            "give another file with --study, or the same recipe, --set, --space and --data to go on with it"
        )
    study.set_user_attr("setup", setup)
    return study


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def best_overrides(study: optuna.Study) -> list[str]:
    """The drawn fields of the best trial, as `key=value`. Raises `UserError` where no trial ran to its end."""
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise UserError("no trial ran to its end; lower lr's upper end in the space, or give more --trials")
    return list(study.best_trial.user_attrs["overrides"])
