"""What a search found, as figures."""

import optuna
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState


def trials_figure(study: optuna.Study) -> Figure:
    """Validation mIoU of every trial, epoch by epoch; the best is drawn strong, those stopped early dashed."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    best = max(_complete(study), key=lambda trial: trial.value or 0.0, default=None)
    for trial in study.trials:
        if trial.intermediate_values:
            epochs, scores = zip(*sorted(trial.intermediate_values.items()), strict=True)
            line = "-" if trial.state == TrialState.COMPLETE else "--"
            axes.plot(epochs, scores, line, marker="o", markersize=3, color="C0", alpha=0.4)
            if best is not None and trial.number == best.number:
                axes.plot(epochs, scores, color="C1", linewidth=2.5, label="best")
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation mIoU")
    if best is not None:
        axes.legend()
    return figure


def fields_figure(study: optuna.Study) -> Figure:
    """Final mIoU of the trials that ran to their end, against each drawn field."""
    trials = _complete(study)
    fields = list(trials[0].distributions) if trials else []
    figure = Figure(figsize=(12, 2.8 * max(1, -(-len(fields) // 3))), layout="constrained")
    grid = figure.subplots(max(1, -(-len(fields) // 3)), 3, squeeze=False)
    for axes in grid.flat[len(fields) :]:
        axes.set_axis_off()
    for axes, field in zip(grid.flat, fields, strict=False):
        axes.scatter([trial.params[field] for trial in trials], [trial.value for trial in trials], s=16)
        axes.set_title(field, fontsize=9)
        axes.tick_params(labelsize=7)
        if getattr(trials[0].distributions[field], "log", False):
            axes.set_xscale("log")
    return figure


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
