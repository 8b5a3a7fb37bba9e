"""A comparison as Markdown: what was measured, the tables, and what the data can tell."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelisation.figures.comparison import accuracy_latency_figure, class_iou_figure, reliability_figure
from modelisation.figures.run import confusion_figure, png_of
from modelisation.outputs.files import OutputFolder
from modelisation.reports.evaluation import class_table, doubt_labels, latency_table
from modelisation.reports.markdown import points, table

REPORT_MARKDOWN, REPORT_JSON = "report.md", "report.json"
# By these a JSON file is known as the report of a comparison.
REPORT_KEYS = ("split_sha256", "models", "differences")


def check_report(folder: Path) -> None:
    """Raises UserError: a report cannot be written to this folder without writing over what is not ours."""
    OutputFolder(folder).check((REPORT_MARKDOWN, REPORT_JSON))


def write_report(report: dict[str, Any], folder: Path) -> list[Path]:
    """Write Markdown, JSON and figures; returns the files.

    Raises:
        UserError: a file of one of these names is there already, and we did not make it.
    """
    models = report["models"]
    labels = [model["label"] for model in models]
    drawn = {"IoU of each class": ("class_iou.png", class_iou_figure(models, labels))}
    if all(model["latency"] for model in models):
        drawn["Accuracy against latency"] = ("accuracy_latency.png", accuracy_latency_figure(models, labels))
    if any(model["calibration"] for model in models):
        drawn["Confidence against accuracy"] = ("reliability.png", reliability_figure(models, labels))
    for model in models:
        matrix = np.array(model["confusion_matrix"], np.int64)
        name = f"confusion_{re.sub(r'[^a-z0-9]+', '_', model['label'].lower())}.png"
        figure = confusion_figure(matrix, list(model["class_iou"]))
        drawn[f"Confusion matrix of {model['label']}"] = (name, figure)
    figures = {title: file for title, (file, _) in drawn.items()}
    written = {
        REPORT_MARKDOWN: markdown(report, figures).encode(),
        REPORT_JSON: (json.dumps(report, indent=1) + "\n").encode(),
        **{file: png_of(figure) for file, figure in drawn.values()},
    }
    with OutputFolder(folder) as out:
        out.check(written)
        return [out.write(name, data) for name, data in written.items()]


def markdown(report: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """The benchmark report.

    Args:
        report: as `compare_records` makes it.
        figures: title -> file name, beside the Markdown file.
    """
    return "\n".join(_lines(report, figures)) + "\n"


def score_table(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row a model: headline scores, cost and latency; columns that no model has are left out.

    The time while scoring stands where a model was run otherwise than served, which has no latency.
    """
    served = all(_is_served(model) for model in models)
    columns: list[tuple[str, Callable[[Mapping[str, Any]], str | None]]] = [
        ("mIoU %" if models[0]["miou_8"] is None else "mIoU-8 %", lambda m: points(m["miou"])),
        ("mIoU-7 %", lambda m: m["miou_7"] and points(m["miou_7"])),
        ("pixel accuracy %", lambda m: points(m["pixel_accuracy"])),
        ("boundary IoU %", _boundary),
        ("ECE %", lambda m: m["calibration"] and points(m["calibration"]["ece"])),
        ("parameters (M)", lambda m: f"{m['cost']['parameters'] / 1e6:.2f}"),
        ("multiply-adds (G)", lambda m: f"{m['cost']['multiply_adds'] / 1e9:.2f}" if _is_served(m) else None),
        ("file (MB)", lambda m: f"{m['cost']['file_size_bytes'] / 1e6:.1f}"),
        ("ms while scoring", lambda m: None if served else f"{m['inference']['ms_per_image']:.1f}"),
        ("p50 / p95 ms", lambda m: m["latency"] and "{p50:.1f} / {p95:.1f}".format(**m["latency"]["ms"]["total"])),
        ("training steps", lambda m: m["lineage"]["training"] and training_steps(m["lineage"]["training"])),
    ]
    cells = {name: [cell(model) or None for model in models] for name, cell in columns}
    shown = {name: column for name, column in cells.items() if any(column)}
    rows = [[model["label"], *(column[i] or "–" for column in shown.values())] for i, model in enumerate(models)]
    return table(["model", *shown], rows)


def _boundary(model: Mapping[str, Any]) -> str | None:
    """None where scores are counted in coarser classes, whose outlines nobody looked at."""
    iou = model["boundary"]["boundary_iou"]
    return None if iou is None and "counted_from" in model else points(iou)


def training_steps(record: Mapping[str, Any]) -> str:
    """`1,500`, or `10,000 + 1,500` where a run began with the weights of another."""
    before = record.get("steps_before", 0)  # missing in cards from before this field
    return f"{before:,} + {record['steps']:,}" if before else f"{record['steps']:,}"


def _is_served(model: Mapping[str, Any]) -> bool:
    """Other inference runs the network more than once a photo."""
    return not model["inference"]["flip"] and not model["inference"]["sliding_window"]


def _lines(report: Mapping[str, Any], figures: Mapping[str, str]) -> Iterator[str]:
    models = report["models"]
    yield f"# {report['dataset']} {report['split']}: {', '.join(m['label'] for m in models)}"
    yield ""
    yield (
        f"{report['images']} images in {_count_of_blocks(report['blocks'])} of video, classes of "
        f"{report['taxonomy']}, split {report['split_sha256'][:12]}. Measured through the runtime that serves, at "
        "the photos' own size."
    )
    yield ""
    yield from score_table(models)
    if doubt := next(filter(None, map(doubt_labels, models)), None):
        yield from ("", doubt)
    for model in models:
        if "counted_from" in model:
            yield ""
            yield f"{model['label']} predicts {model['counted_from']}; scores counted in {report['taxonomy']}."
    absent = models[0]["classes_without_pixels"]
    if absent:
        yield ""
        yield f"Without a pixel, and left out of the means: {', '.join(absent)}."
    if report["differences"]:
        yield from ("", "## What the data can tell", "")
        yield from (f"- {difference['sentence']}" for difference in report["differences"])
    yield from ("", "## Each class", "")
    yield from class_table(models, [model["label"] for model in models])
    for title, file in figures.items():
        yield from ("", f"![{title}]({file})")
    yield from ("", "## How it was measured", "")
    for model in models:
        yield f"- **{model['label']}**: {_conditions(model)}"
    for model in models:
        if model["latency"]:
            yield from ("", f"### Latency of {model['label']}", "")
            yield from latency_table(model["latency"])
    yield from ("", "## Images with the lowest mIoU", "")
    for model in models:
        worst = ", ".join(f"{image['name']} ({points(image['miou'])})" for image in model["worst_images"])
        yield f"- **{model['label']}**: {worst}"


def _count_of_blocks(blocks: int) -> str:
    return "one block" if blocks == 1 else f"{blocks} independent blocks"


def _conditions(model: Mapping[str, Any]) -> str:
    inference, lineage = model["inference"], model["lineage"]
    parts = [model["engine"], f"pixel budget {inference['pixel_budget']}"]
    if inference["flip"]:
        parts.append("averaged with the mirrored photo")
    if inference["sliding_window"]:
        parts.append("sliding window {}x{}".format(*inference["sliding_window"]))
    parts.append(f"{inference['ms_per_image']:.1f} ms an image while scoring")
    dirty = " with local changes" if lineage["git_dirty"] else ""
    parts.append(f"weights {model['model_sha256'][:12]}, code {lineage['git_commit'][:12]}{dirty}")
    return ", ".join(parts)
