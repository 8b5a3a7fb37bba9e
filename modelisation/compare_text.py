"""A comparison as Markdown: what was measured, the tables, and what the data can tell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelisation.evaluation_text import points


def markdown(report: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """The benchmark report.

    Args:
        report: as `compare_records` makes it.
        figures: title -> file name, beside the Markdown file.
    """
    return "\n".join(_lines(report, figures)) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table whose first column is text and whose others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return ["| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)]


def score_table(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row a model: headline scores, cost and latency."""
    named = models[0]["miou_7"] is not None
    header = ["model", "mIoU %", *(["mIoU-7 %"] if named else []), "pixel accuracy %", "boundary IoU %"]
    header += ["parameters (M)", "multiply-adds (G)", "file (MB)", "p50 / p95 ms"]
    return table(header, [_score_row(model, named) for model in models])


def class_table(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row a class: IoU of each model, in per cent."""
    header = ["class", *(model["label"] for model in models)]
    rows = [[name, *(points(m["class_iou"][name]) for m in models)] for name in models[0]["class_iou"]]
    return table(header, rows)


def _score_row(model: Mapping[str, Any], named: bool) -> list[str]:
    cost, latency = model["cost"], model["latency"]
    adds = cost["multiply_adds"]
    total = latency["ms"]["total"] if latency else None
    return [
        model["label"],
        points(model["miou"]),
        *([points(model["miou_7"])] if named else []),
        points(model["pixel_accuracy"]),
        points(model["boundary"]["boundary_iou"]),
        f"{cost['parameters'] / 1e6:.2f}",
        "–" if adds is None else f"{adds / 1e9:.2f}",
        f"{cost['file_size_bytes'] / 1e6:.1f}",
        "–" if total is None else f"{total['p50']:.1f} / {total['p95']:.1f}",
    ]


def _lines(report: Mapping[str, Any], figures: Mapping[str, str]) -> Iterator[str]:
    models = report["models"]
    yield f"# {report['dataset']} {report['split']}: {', '.join(m['label'] for m in models)}"
    yield ""
    yield (
        f"{report['images']} images in {_counted(report['blocks'])} of video, classes of "
        f"{report['taxonomy']}, split {report['split_sha256'][:12]}. Measured through the runtime that serves, at "
        "the photos' own size."
    )
    yield ""
    yield from score_table(models)
    absent = models[0]["classes_without_pixels"]
    if absent:
        yield ""
        yield f"Without a pixel, and left out of the means: {', '.join(absent)}."
    if report["differences"]:
        yield from ("", "## What the data can tell", "")
        yield from (f"- {difference['sentence']}" for difference in report["differences"])
    yield from ("", "## IoU of each class, %", "")
    yield from class_table(models)
    for title, file in figures.items():
        yield from ("", f"![{title}]({file})")
    yield from ("", "## How it was measured", "")
    for model in models:
        yield f"- **{model['label']}**: {_measured(model)}"
    yield from ("", "## Images with the lowest mIoU", "")
    for model in models:
        worst = ", ".join(f"{image['name']} ({points(image['miou'])})" for image in model["worst_images"])
        yield f"- **{model['label']}**: {worst}"


def _counted(blocks: int) -> str:
    return "one block" if blocks == 1 else f"{blocks} independent blocks"


def _measured(model: Mapping[str, Any]) -> str:
    inference, lineage = model["inference"], model["lineage"]
    parts = [model["engine"], f"pixel budget {inference['pixel_budget']}"]
    if inference["flip"]:
        parts.append("averaged with the mirrored photo")
    if inference["sliding_window"]:
        parts.append("sliding window {}x{}".format(*inference["sliding_window"]))
    parts.append(f"{inference['ms_per_image']:.1f} ms an image while scoring")
    if model["latency"]:
        latency = model["latency"]
        parts.append(f"latency of a {latency['photo']} on {latency['machine']['processor']}")
        parts.append(f"{latency['machine']['cores']} cores")
        if latency["peak_rss_bytes"]:
            parts.append(f"peak memory {latency['peak_rss_bytes'] / 1e6:.0f} MB")
    if model["calibration"]:
        parts.append(f"calibration error {points(model['calibration']['ece'])} %")
    dirty = " with local changes" if lineage["git_dirty"] else ""
    parts.append(f"weights {model['model_sha256'][:12]}, code {lineage['git_commit'][:12]}{dirty}")
    return ", ".join(parts)
