"""`budget`: a model's mIoU and cost at several pixel budgets, the curve from which a card's budget is chosen.

Choose on a split that training did not see: with weights trained on `devtrain`, measured on `dev`.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from back.runtime.card import read_card
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import confusion_matrix
from modelisation.commands.arguments import MODEL_HELP, add_data_arguments, describe, load_for
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.cost import input_size, multiply_adds
from modelisation.evaluation.metrics import scores_of
from modelisation.export.bundle import store_result
from modelisation.provenance import git_state, machine
from modelisation.reports.markdown import points, table

SCHEMA_VERSION = 1
REPORT_KEY = "pixel_budget"
# Of the card's budget.
FACTORS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


class BudgetError(ValueError):
    """A curve that cannot be measured or kept: says why and what to do."""


def budget_curve(
    bundle: Path,
    predictor: Predictor,
    dataset: SegmentationDataset,
    budgets: Sequence[int],
    *,
    progress: bool = False,
) -> dict[str, Any]:
    """Score a model on a split at several pixel budgets.

    Args:
        bundle: the model's folder.
        predictor: the served runtime; its own budget is not used.
        dataset: the split, in the model's taxonomy.
        budgets: pixels of the resized photo, in any order.
        progress: show a progress bar.

    Returns:
        The JSON report: what was measured on which machine, `card_budget`, and `curve`, by rising budget: each
        `pixel_budget` with the network's `input` [height, width] for the first photo, `miou`, `ms_p50` (resize,
        network and argmax of one photo) and `multiply_adds`.

    Raises:
        BudgetError: the taxonomies differ, there is no budget, or the model has one input size alone.
        DatasetError, LabelValueError: a file of the split is at fault.
    """
    card = predictor.card
    if dataset.taxonomy.id != card.taxonomy.id:
        raise BudgetError(
            f"{card.name} predicts {card.taxonomy.id} but the split is labelled in {dataset.taxonomy.id}; "
            f"open the data with taxonomy {card.taxonomy.id}"
        )
    if card.input.fixed_size is not None:
        raise BudgetError(f"{card.name} takes one input size alone, so that a pixel budget changes nothing")
    if not budgets or min(budgets) < card.input.stride**2:
        raise BudgetError(f"give pixel budgets of at least {card.input.stride**2} pixels, one cell of the network")
    ordered = sorted(set(budgets))
    with tqdm(total=len(ordered) * len(dataset), desc="budget", unit="image", disable=not progress) as bar:
        curve = [_point(bundle, replace(predictor, pixel_budget=budget), dataset, bar) for budget in ordered]
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


def format_budget(report: Mapping[str, Any]) -> str:
    """The curve as a small Markdown table; the card's own budget is marked."""
    rows = []
    for point in report["curve"]:
        mark = " (card)" if point["pixel_budget"] == report["card_budget"] else ""
        rows.append(
            [
                f"{point['pixel_budget']:,}{mark}",
                "{1}x{0}".format(*point["input"]),
                points(point["miou"]),
                f"{point['ms_p50']:.1f}",
                f"{point['multiply_adds'] / 1e9:.2f}",
            ]
        )
    return "\n".join(table(["pixel budget", "input", "mIoU %", "ms (p50)", "multiply-adds (G)"], rows))


def _point(bundle: Path, predictor: Predictor, dataset: SegmentationDataset, bar: tqdm) -> dict[str, Any]:
    taxonomy = predictor.card.taxonomy
    classes = len(taxonomy.classes)
    total = np.zeros((classes, classes), np.int64)
    milliseconds: list[float] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        if index == 0:
            size = input_size(predictor.card, sample.label.shape, predictor.pixel_budget)
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `budget`."""
    measured = "budget runs/segformer-dev/bundle --data ../shared/camvid --split dev"
    describe(
        parser,
        "Score a model at several pixel budgets, draw the curve, and keep it in a bundle's report. A model of the "
        "registry is only scored, since a registered version never changes.",
        measured,
        f"{measured} --into modelisation/bundled/segformer",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument(
        "--budgets", type=int, nargs="+", metavar="PIXELS", help="default: a quarter of the card's to double it"
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="BUNDLE",
        help="keep the curve in this bundle, for instance the same network trained on all of train (default: MODEL)",
    )
    parser.add_argument("--no-store", action="store_true", help="only print and draw")
    parser.add_argument("--out", type=Path, default=Path("out/budget"), metavar="DIR", help="where the figure goes")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run `budget`; returns the exit status."""
    bundle, predictor, dataset = load_for(args, args.model)
    into = args.into or (None if args.model.startswith("models:") else bundle)
    target = None if args.no_store else into
    if target is not None and read_card(target).architecture != predictor.card.architecture:
        raise BudgetError(f"{target} is another architecture than {args.model}; its curve does not belong there")
    budgets = args.budgets or [round(factor * predictor.card.input.pixel_budget) for factor in FACTORS]
    report = budget_curve(bundle, predictor, dataset, budgets, progress=True)
    print(format_budget(report))
    figure_file = args.out / f"{predictor.card.name}.png"
    figure_file.parent.mkdir(parents=True, exist_ok=True)
    from modelisation.figures.comparison import budget_figure  # matplotlib takes a second to import

    budget_figure(report).savefig(figure_file, dpi=120)
    print(f"written to {figure_file}")
    if target is not None:
        store_result(target, REPORT_KEY, report)
        print(f"written into the report of {target}")
    return 0
