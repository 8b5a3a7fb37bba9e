"""Random search: draws, stops hopeless trials, goes on where it stopped, and says what was best."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import mlflow
import optuna
import pytest
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from optuna.trial import FrozenTrial, TrialState

from back.runtime.errors import UserError
from modelisation.__main__ import main
from modelisation.recipe import load_recipe
from modelisation.training.fit import TrainingError
from modelisation.training.stopping import INTERRUPTED_EXIT, Interrupted
from modelisation.tuning import search as search_module
from modelisation.tuning.search import best_overrides, search
from modelisation.tuning.space import Choices, Range
from tests.modelisation.tiny import write_data, write_recipe

SPACE = {"lr": Range(low=1e-4, high=1e-2, log=True)}


@pytest.fixture
def store(tracking_uri) -> mlflow.MlflowClient:
    yield mlflow.MlflowClient(tracking_uri)
    mlflow.end_run()


@pytest.fixture
def call(store, tmp_path):
    """Calls `search` on the tiny recipe with a study in the test's folder."""
    recipe = write_recipe(tmp_path)

    def search_(trials: int, space=SPACE, **options):
        options = {"database": tmp_path / "search.db", "run_dir": tmp_path / "run"} | options
        return search(recipe, tmp_path / "data", space, trials=trials, **options)

    return search_


@pytest.fixture
def scores(monkeypatch) -> SimpleNamespace:
    """Training replaced: each trial's mIoU at its epochs comes from `curves`, and its recipe is kept."""
    fake = SimpleNamespace(recipes=[], curves=[[0.5, 0.6]] * 50, parents=set())

    def fit(recipe, data, run_dir, *, on_epoch, parent_run):
        fake.recipes.append(recipe)
        fake.parents.add(parent_run)
        curve = fake.curves[len(fake.recipes) - 1]
        if isinstance(curve, Exception):
            raise curve
        for epoch, miou in enumerate(curve, start=1):
            on_epoch(epoch, {"miou": miou})
        return {"miou": curve[-1]}

    monkeypatch.setattr(search_module, "fit", fit)
    fake.data = "a"
    monkeypatch.setattr(search_module, "open_dataset", lambda *_: SimpleNamespace(split_sha256=fake.data))
    return fake


def test_trials_are_chosen_on_dev_and_differ(call, scores):
    study = call(5)
    assert {(r.train_split, r.val_split) for r in scores.recipes} == {("devtrain", "dev")}
    assert len({r.lr for r in scores.recipes}) == 5
    assert all(1e-4 <= r.lr <= 1e-2 for r in scores.recipes)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 5


def test_the_best_trials_draw_is_given_as_overrides(call, scores):
    scores.curves = [[0.5, 0.6], [0.5, 0.8], [0.5, 0.7]]
    study = call(3)
    assert study.best_value == 0.8
    assert best_overrides(study) == [f"lr={scores.recipes[1].lr}"]


def test_a_trial_below_the_median_is_stopped_after_enough_others(call, scores):
    scores.curves = [[0.1, 0.6], *[[0.5, 0.6]] * 3, [0.2, 0.9], [0.6, 0.7]]
    study = call(6)
    pruned, complete = TrialState.PRUNED, TrialState.COMPLETE
    assert [t.state for t in study.trials] == [complete] * 4 + [pruned, complete]
    assert study.trials[4].intermediate_values == {1: 0.2}


def test_a_trial_that_diverges_is_stopped_and_the_search_goes_on(call, scores):
    scores.curves = [TrainingError("the loss is nan"), [0.5, 0.6]]
    assert [t.state for t in call(2).trials] == [TrialState.PRUNED, TrialState.COMPLETE]


def test_a_stopped_search_goes_on_with_the_same_draws(call, scores, tmp_path, store):
    call(4, database=tmp_path / "whole.db")
    whole = [r.lr for r in scores.recipes]
    scores.recipes, scores.parents = [], set()
    scores.curves = [[0.5, 0.6], [0.5, 0.6], Interrupted(), *[[0.5, 0.6]] * 3]
    with pytest.raises(Interrupted):
        call(4)
    (parent,) = scores.parents
    assert store.get_run(parent).info.status == "KILLED"
    study = call(4)
    assert [r.lr for r in scores.recipes] == [*whole[:3], *whole[2:]]
    assert sum(t.state == TrialState.COMPLETE for t in study.trials) == 4
    assert scores.parents == {parent}
    assert store.get_run(parent).info.status == "FINISHED"
    call(4)
    assert len(scores.recipes) == 5, "nothing is left to do"


def test_a_study_of_another_search_is_not_gone_on_with(call, scores):
    call(1)
    with pytest.raises(UserError, match="for tiny with another recipe;"):
        call(2, overrides=["epochs=3"])
    with pytest.raises(UserError, match="for tiny with another space;"):
        call(2, {"lr": Range(low=1e-4, high=1e-3)})
    scores.data = "b"
    with pytest.raises(UserError, match="for tiny with another data;"):
        call(2)


def test_a_field_that_the_recipe_lacks_is_named(call, scores):
    with pytest.raises(UserError, match="speed: Extra"):
        call(1, {"speed": Range(low=0, high=1)})


def test_a_search_whose_every_trial_diverged_says_so(call, scores):
    scores.curves = [TrainingError("the loss is nan")] * 2
    with pytest.raises(UserError, match="no trial ran to its end"):
        best_overrides(call(2))


class PrunesTheSecond(optuna.pruners.BasePruner):
    """What so few steps score is chance, so the test decides which trial is stopped."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        return trial.number == 1


def test_the_command_line_trains_prunes_nests_and_prints_the_best(store, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **_: PrunesTheSecond())
    recipe, data = write_recipe(tmp_path), write_data(tmp_path / "data")
    space = tmp_path / "space.yaml"
    space.write_text("lr: {low: 1.0e-4, high: 0.01, log: true}", encoding="utf-8")
    splits = ["--set", "train_split=train", "--set", "val_split=val"]
    places = ["--study", tmp_path / "study.db", "--run-dir", tmp_path / "run"]
    command = ["search", recipe, "--data", data, "--trials", "2", "--space", space, *places, *splits]
    assert main([str(part) for part in command]) == 0
    out = capsys.readouterr().out
    assert "trial 2 stopped early: mIoU" in out
    best = shlex.split(out.strip().splitlines()[-1])
    assert 1e-4 <= load_recipe(Path(best[0]), best[2::2]).lr <= 1e-2
    assert not (tmp_path / "run").exists()
    runs = store.search_runs(["1"])
    (parent,) = [run for run in runs if run.info.run_name == "search tiny"]
    nested = [run for run in runs if run.data.tags.get(MLFLOW_PARENT_RUN_ID) == parent.info.run_id]
    by_status = {run.info.status: run for run in nested}
    assert sorted(by_status) == ["FINISHED", "KILLED"]
    assert parent.data.metrics["best_val_miou"] == by_status["FINISHED"].data.metrics["val_miou"]


def test_ctrl_c_says_how_to_go_on(store, tmp_path, capsys, scores):
    scores.curves = [Interrupted()]
    command = ["search", str(write_recipe(tmp_path)), "--data", "data", "--study", str(tmp_path / "study.db")]
    assert main(command) == INTERRUPTED_EXIT
    assert "The same command goes on" in capsys.readouterr().out


def test_choices_are_drawn_too(call, scores):
    call(8, {"schedule": Choices(choices=["poly", "cosine"])})
    assert {r.schedule for r in scores.recipes} == {"poly", "cosine"}
