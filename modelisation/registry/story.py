"""What a run in MLflow says of the model that it made: its data, its final scores, two sentences. Needs no torch."""

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from back.runtime.card import REPORT_FILE, Card
from modelisation.figures.confusion_svg import confusion_svg
from modelisation.registry.inputs import Pictures, dataset_input, inputs_of
from modelisation.registry.mlflow_store import beside_others

if TYPE_CHECKING:
    from mlflow import MlflowClient

DESCRIPTION_TAG = "mlflow.note.content"  # MLflow's pages show it above everything else
CONFUSION_FIGURE = "confusion_matrix.svg"
_NO_METRIC_CHARACTER = re.compile(r"[^\w.\- /]")


def tell_run(client: "MlflowClient", run_id: str, bundle: Path, card: Card, model_id: str | None = None) -> str:
    """Log a bundle's data as inputs, its final evaluation as metrics, its confusion matrix, and a description.

    The metrics have the names of `evaluate --json`, and IoU of a class is `iou_<class>`; they belong to the
    evaluated split and, where given, to the logged model: MLflow's pages of both show them. They stand at step 0,
    where MLflow draws bars to compare, not a curve of one point.

    Returns:
        The description.

    Raises:
        mlflow.exceptions.MlflowException: the server does not answer or refuses.
    """
    from mlflow.entities import Metric

    run = client.get_run(run_id)
    evaluation = _evaluation(bundle) or (card.metrics.model_dump() if card.metrics else {})
    inputs = [dataset_input(pictures) for pictures in inputs_of(card, run.data.tags)]
    beside_others(lambda: client.log_inputs(run_id, inputs))
    evaluated = next((i.dataset for i in inputs if i.tags[0].value == "evaluation"), None)
    now = int(time.time() * 1000)
    metrics = [
        Metric(
            key,
            value,
            now,
            0,
            model_id=model_id,
            dataset_name=evaluated.name if evaluated else None,
            dataset_digest=evaluated.digest if evaluated else None,
            run_id=run_id,
        )
        for key, value in final_scores(evaluation).items()
    ]
    client.log_batch(run_id, metrics=metrics)
    description = describe(card, evaluation, run.data.tags)
    client.set_tag(run_id, DESCRIPTION_TAG, description)
    if model_id is not None:
        client.set_logged_model_tags(model_id, {DESCRIPTION_TAG: description})
    if "confusion_matrix" in evaluation:
        title = f"{card.name} on {evaluated.name}" if evaluated else card.name
        matrix = np.asarray(evaluation["confusion_matrix"])
        client.log_text(run_id, confusion_svg(matrix, card.taxonomy.names, title), CONFUSION_FIGURE)
    return description


def tell_start(client: "MlflowClient", run_id: str, description: str, inputs: Sequence[Pictures]) -> None:
    """Log the data of a run that begins, and what it is going to do; `tell_run` says at its end how it went."""
    beside_others(lambda: client.log_inputs(run_id, [dataset_input(pictures) for pictures in inputs]))
    training, evaluation = (
        " and ".join(_named(pictures) for pictures in inputs if pictures.use == use)
        for use in ("training", "evaluation")
    )
    text = (
        f"{description.strip().rstrip('.')}, trained on {training}. It is validated on {evaluation} after each epoch."
    )
    client.set_tag(run_id, DESCRIPTION_TAG, text)


def final_scores(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """The scores of an evaluation by their metric names; what was not measured is left out.

    Args:
        evaluation: as `evaluate --json` writes it, or a card's metrics.
    """
    boundary, calibration = evaluation.get("boundary") or {}, evaluation.get("calibration") or {}
    means = ("miou",) if evaluation.get("miou_8") is None else ("miou_8", "miou_7")
    scores = {
        **{key: evaluation.get(key) for key in (*means, "pixel_accuracy")},
        "boundary_iou": boundary.get("boundary_iou"),
        "ece": calibration.get("ece"),
        **{_metric_name(f"iou_{name}"): iou for name, iou in (evaluation.get("class_iou") or {}).items()},
    }
    return {key: float(value) for key, value in scores.items() if value is not None and math.isfinite(value)}


def describe(
    card: Card, evaluation: Mapping[str, Any] | None = None, run_tags: Mapping[str, str] | None = None
) -> str:
    """A model in two sentences: from what it was made, and how well it does.

    Args:
        evaluation: the whole one, for scores that the card does not have.
        run_tags: of the run that trained it, see `inputs_of`.
    """
    made = card.description.strip().rstrip(".")
    inputs = inputs_of(card, run_tags or {})
    if card.training and (data := [_named(pictures) for pictures in inputs if pictures.use == "training"]):
        epochs = _counted(card.training.epochs, "epoch")
        made += f", trained for {epochs} on {' and '.join(data)} (terms: {card.training.data_licence})"
    if card.metrics is None:
        return f"{made}. It has not been evaluated."
    scores = final_scores({**card.metrics.model_dump(), **(evaluation or {})})
    named = {"miou": "mIoU", "miou_8": "mIoU-8", "miou_7": "mIoU-7", "pixel_accuracy": "pixel accuracy"}
    named |= {"boundary_iou": "boundary IoU", "ece": "calibration error"}
    figures = ", ".join(f"{name} {100 * scores[key]:.1f} %" for key, name in named.items() if key in scores)
    return f"{made}. It was evaluated on {_named(inputs[-1])}: {figures}."


def _named(pictures: Pictures) -> str:
    if not pictures.split:
        return f"{pictures.number} {pictures.dataset}"
    number = f"the {_counted(pictures.number, 'picture')} of " if pictures.number is not None else ""
    return f"{number}{pictures.dataset} {pictures.split}"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


def _metric_name(text: str) -> str:
    return _NO_METRIC_CHARACTER.sub("_", text)


def _evaluation(bundle: Path) -> dict[str, Any]:
    """The evaluation in a bundle's report.json; empty where there is none."""
    try:
        report = json.loads((bundle / REPORT_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    evaluation = report.get("evaluation") if isinstance(report, dict) else None
    return evaluation if isinstance(evaluation, dict) else {}
