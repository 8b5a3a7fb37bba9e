"""Markdown tables of docs/quality.json, the report of `compare` that `make benchmark-quality` writes."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from back.runtime.card import ONNX_FILE, read_card
from back.runtime.errors import UserError
from modelisation.provenance import REPOSITORY
from modelisation.reports.comparison import score_table
from modelisation.reports.evaluation import class_table
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_machine, with_code

QUALITY = REPOSITORY / "docs" / "quality.json"
Report = Mapping[str, Any]


def results_table(report: Report) -> list[str]:
    """One row a model: scores, cost and latency; below it on what they were measured."""
    return [*score_table(report["models"]), "", describe_measurement(report)]


def classes_table(report: Report) -> list[str]:
    """One row a class: IoU and calibration error of each model."""
    return class_table(report["models"], [model["label"] for model in report["models"]])


def differences_list(report: Report) -> list[str]:
    """What the data can tell of each pair of models, one sentence a line."""
    return [f"- {difference['sentence']}" for difference in report["differences"]]


QUALITY_TABLES: dict[str, Callable[[Report], list[str]]] = {
    "results": results_table,
    "classes": classes_table,
    "differences": differences_list,
}


def quality_lines(name: str, bundles: Sequence[Path], path: Path = QUALITY) -> list[str]:
    """The lines of a table of the report, or that nothing was measured yet.

    Raises:
        UserError: the report was measured on other weights than the bundles hold.
    """
    if not path.is_file():
        return ["Not measured yet: `make benchmark-quality`."]
    report = json.loads(path.read_text(encoding="utf-8"))
    cards = [read_card(bundle) for bundle in bundles]
    measured = {model["model"]: model["model_sha256"] for model in report["models"]}
    if stale := [card.name for card in cards if measured.get(card.name) != card.files[ONNX_FILE]]:
        raise UserError(
            f"{path.name} was measured on other weights of {', '.join(stale)} than are in the clone; "
            "run `make benchmark-quality`, then `make tables`"
        )
    return QUALITY_TABLES[name](report)


def robustness_table(bundles: Sequence[Path]) -> list[str]:
    """One row a perturbation: the points of mIoU that each model loses, as the cards say."""
    cards = [card for card in map(read_card, bundles) if card.robustness]
    if not cards:
        return ["Not measured yet: `python -m modelisation robustness`."]
    names = dict.fromkeys(name for card in cards for name in card.robustness)
    rows = [
        [name, *(f"{card.robustness[name]:.1f}" if name in card.robustness else "–" for card in cards)]
        for name in names
    ]
    return table(["points of mIoU lost", *(card.name for card in cards)], rows)


def carries_table(bundles: Sequence[Path]) -> list[str]:
    """One row a kind of pictures: each model's mIoU on it, as the cards say, the split of its own camera first."""
    cards = [card for card in map(read_card, bundles) if card.metrics]
    if not cards:
        return ["Not measured yet: `python -m modelisation evaluate`."]
    columns: list[dict[str, float]] = []
    for card in cards:
        metrics = card.metrics
        own = {f"{metrics.dataset} {metrics.split}": metrics.miou} if metrics else {}
        columns.append(own | card.carries)
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [[name, *(f"{100 * column[name]:.1f}" if name in column else "–" for column in columns)] for name in names]
    return table(["mIoU, %", *(card.name for card in cards)], rows)


def describe_measurement(report: Report) -> str:
    """One sentence on data, machine and code."""
    timed = next((model["latency"] for model in report["models"] if model["latency"]), None)
    where = ""
    if timed is not None:
        where = f"; times of a {timed['photo']} on {on_machine(timed)}"
    lineage = report["models"][0]["lineage"]
    return f"{report['dataset']} {report['split']}, {report['images']} images{where}; {with_code(lineage)}."
