"""`budget`: a model's mIoU and cost at several pixel budgets, the curve from which a card's budget is chosen.

Choose on a split that training did not see: with weights trained on `devtrain`, measured on `dev`.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from back.runtime.card import Card, read_card
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import confusion_matrix
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.cost import input_size, multiply_adds
from modelisation.evaluation.metrics import scores_of
from modelisation.provenance import git_state, machine

SCHEMA_VERSION = 1
# Of the card's budget.
FACTORS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


def budget_curve(
    bundle: Path,
    predictor: Predictor,
    dataset: SegmentationDataset,
    budgets: Sequence[int] | None = None,
    *,
    progress: bool = False,
) -> dict[str, Any]:
    """Score a model on a split at several pixel budgets.

    Args:
        bundle: the model's folder.
        predictor: the served runtime; its own budget is not used.
        dataset: the split, in the model's taxonomy.
        budgets: pixels of the resized photo, in any order; None takes a quarter of the card's to double it.
        progress: show a progress bar.

    Returns:
        The JSON report: what was measured on which machine, `card_budget`, and `curve`, by rising budget: each
        `pixel_budget` with the network's `input` [height, width] for the first photo, `miou`, `ms_p50` (resize,
        network and argmax of one photo) and `multiply_adds`.

    Raises:
        UserError: the taxonomies differ, there is no budget, or the model has one input size alone.
        DatasetError, LabelValueError: a file of the split is at fault.
    """
    card = predictor.card
    if not dataset.taxonomy.same_classes(card.taxonomy):
        raise UserError(
            f"{card.name} predicts {card.taxonomy.id} but the split is labelled in {dataset.taxonomy.id}; "
            f"open the data with taxonomy {card.taxonomy.id}"
        )
    if card.input.fixed_size is not None:
        raise UserError(f"{card.name} takes one input size alone, so that a pixel budget changes nothing")
    if budgets is None:
        budgets = [round(factor * card.input.pixel_budget) for factor in FACTORS]
    if not budgets or min(budgets) < card.input.stride**2:
        raise UserError(f"give pixel budgets of at least {card.input.stride**2} pixels, one cell of the network")
    ordered = sorted(set(budgets))
    with tqdm(total=len(ordered) * len(dataset), desc="budget", unit="image", disable=not progress) as bar:
        curve = [
            _point(bundle, replace(predictor, input=card.input.with_budget(budget)), dataset, bar)
            for budget in ordered
        ]
    return {
        "schema_version": SCHEMA_VERSION,
        "model": card.name,
        "model_sha256": predictor.sha256,
        "dataset": dataset.dataset,
        "split": dataset.split,
        "split_sha256": dataset.split_sha256,
        "images": len(dataset),
        "engine": f"{predictor.engine.name} {predictor.engine.precision}",
        "threads": predictor.engine.threads,
        "machine": machine(),
        "card_budget": card.input.pixel_budget,
        "curve": curve,
        "lineage": git_state(),
    }


def check_architecture(target: Path, card: Card) -> None:
    """Raises UserError: a curve of the card's network does not belong into the bundle `target`."""
    if read_card(target).architecture != card.architecture:
        raise UserError(f"{target} is another architecture than {card.name}; its curve does not belong there")


def _point(bundle: Path, predictor: Predictor, dataset: SegmentationDataset, bar: tqdm) -> dict[str, Any]:
    taxonomy = predictor.card.taxonomy
    classes = len(taxonomy.classes)
    total = np.zeros((classes, classes), np.int64)
    milliseconds: list[float] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        if index == 0:
            size = input_size(predictor.input, sample.label.shape)
            predictor.prepare(*sample.label.shape)
            predictor.predict_array(sample.image)  # the first at a size allocates memory
        start = time.perf_counter()
        labels = predictor.predict_array(sample.image).labels_HW
        milliseconds.append((time.perf_counter() - start) * 1e3)
        total += confusion_matrix(sample.label, labels, classes, taxonomy.ignore_index)
        bar.update()
    return {
        "pixel_budget": predictor.pixel_budget,
        "input": list(size),
        "miou": scores_of(total, taxonomy)["miou"],
        "ms_p50": float(np.median(milliseconds)),
        "multiply_adds": multiply_adds(bundle, size),
    }
