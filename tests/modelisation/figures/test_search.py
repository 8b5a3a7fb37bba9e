"""The figures of a search: every trial is drawn, the best stands out, every field has its panel."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from modelisation.figures.search import fields_figure, trials_figure

FIELDS = {
    "lr": FloatDistribution(1e-4, 1e-2, log=True),
    "schedule": CategoricalDistribution(["poly", "cosine"]),
    "loss.lovasz": CategoricalDistribution(["0.0", "0.5"]),
    "weight_decay": FloatDistribution(0, 0.1),
}


@pytest.fixture
def study() -> optuna.Study:
    study = optuna.create_study(direction="maximize")
    for scores, state in (
        ({1: 0.2, 2: 0.4}, TrialState.COMPLETE),
        ({1: 0.3, 2: 0.6}, TrialState.COMPLETE),
        ({1: 0.1}, TrialState.PRUNED),
    ):
        params = {"lr": 1e-3, "schedule": "poly", "loss.lovasz": "0.5", "weight_decay": 0.05}
        value = scores[2] if state == TrialState.COMPLETE else None
        study.add_trial(
            create_trial(state=state, value=value, params=params, distributions=FIELDS, intermediate_values=scores)
        )
    return study


def test_the_best_trial_stands_out_and_those_stopped_early_are_dashed(study):
    (axes,) = trials_figure(study).axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.2, 0.4], [0.3, 0.6], [0.3, 0.6], [0.1]]
    assert [line.get_label() for line in axes.lines if not line.get_label().startswith("_")] == ["best"]
    assert axes.lines[-1].get_linestyle() == "--"


def test_every_field_has_a_panel_with_the_trials_that_ended(study):
    panels = [axes for axes in fields_figure(study).axes if axes.axison]
    assert [axes.get_title() for axes in panels] == sorted(FIELDS, key=list(study.trials[0].distributions).index)
    assert all(len(axes.collections[0].get_offsets()) == 2 for axes in panels)
    assert [axes.get_xscale() for axes in panels if axes.get_title() == "lr"] == ["log"]


def test_a_study_without_trials_is_an_empty_figure():
    empty = optuna.create_study(direction="maximize")
    assert not trials_figure(empty).axes[0].lines
    assert not [axes for axes in fields_figure(empty).axes if axes.axison]
