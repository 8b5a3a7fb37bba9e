"""Figures of evaluations: IoU of each class, accuracy against latency or pixel budget, confidence and accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure


def class_iou_figure(records: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Figure:
    """Grouped bars: for each class the IoU of every model, in per cent; classes without a pixel stay empty."""
    names = list(records[0]["class_iou"])
    figure = Figure(figsize=(max(7.0, 0.6 * len(names) * max(2, len(records)) ** 0.5), 4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(records)
    for i, (record, label) in enumerate(zip(records, labels, strict=True)):
        values = [np.nan if v is None else 100 * v for v in record["class_iou"].values()]
        bars = axes.bar(np.arange(len(names)) + (i - (len(records) - 1) / 2) * width, values, width, label=label)
        if len(records) <= 3:
            axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_ylabel("IoU, %")
    axes.set_ylim(0, 105)
    axes.set_title(f"IoU of each class on {records[0]['dataset']} {records[0]['split']}")
    axes.legend(ncols=3, fontsize=8)
    return figure


def accuracy_latency_figure(records: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Figure:
    """One point a model: median milliseconds of a whole prediction against mIoU; the bar reaches to p95."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for record, label in zip(records, labels, strict=True):
        total = record["latency"]["ms"]["total"]
        reach = [[0.0], [total["p95"] - total["p50"]]]
        axes.errorbar([total["p50"]], [100 * record["miou"]], xerr=reach, fmt="o", capsize=3, label=label)
        axes.annotate(label, (total["p50"], 100 * record["miou"]), xytext=(6, 6), textcoords="offset points")
    axes.set_xlabel("milliseconds a photo (median, bar to p95)")
    axes.set_ylabel("mIoU, %")
    axes.set_xlim(left=0)
    axes.margins(x=0.25, y=0.4)
    axes.set_title("Accuracy against latency")
    return figure


def tradeoff_figure(report: Mapping[str, Any]) -> Figure:
    """mIoU against median milliseconds over HTTP: a line a model and precision, a point a pixel budget."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    rows = [row for row in report["rows"] if row["server"] == "StreetSeg"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    marks = {"fp32": "s", "bf16": "o", "int8": "^"}
    for model, precision in dict.fromkeys((row["model"], row["precision"]) for row in rows):
        own = [row for row in rows if (row["model"], row["precision"]) == (model, precision)]
        axes.plot(
            [float(np.median(row["ms"])) for row in own],
            [100 * row["miou"] for row in own],
            color=f"C{models.index(model)}",
            marker=marks[precision],
            linewidth=0.8,
            label=f"{model}, {precision}",
        )
    axes.set_xlabel("milliseconds a photo over HTTP (median)")
    axes.set_ylabel("mIoU, %")
    axes.set_xlim(left=0)
    axes.set_title(f"Accuracy against latency on {report['dataset']} {report['split']}")
    figure.legend(fontsize=8, loc="outside right upper")  # no point may lie under it
    return figure


def budget_figure(report: Mapping[str, Any]) -> Figure:
    """mIoU against the median milliseconds of a photo, one point a pixel budget; the card's own is filled."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    times = [point["ms_p50"] for point in report["curve"]]
    scores = [100 * point["miou"] for point in report["curve"]]
    axes.plot(times, scores, color="C0", zorder=1)
    for point, x, y in zip(report["curve"], times, scores, strict=True):
        face = "C0" if point["pixel_budget"] == report["card_budget"] else "white"
        axes.scatter([x], [y], color="C0", facecolor=face, zorder=2)
        label = f"{point['pixel_budget']:,} pixels, {point['multiply_adds'] / 1e9:.1f} G"
        axes.annotate(label, (x, y), xytext=(5, -10), textcoords="offset points", fontsize=7)
    axes.set_xlabel("milliseconds a photo (median)")
    axes.set_ylabel("mIoU, %")
    axes.set_xlim(0, 1.4 * max(times))  # room for the last label
    axes.set_title(f"Pixel budget of {report['model']} on {report['dataset']} {report['split']}")
    return figure


def reliability_figure(records: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Figure:
    """One line a model that was measured: how many pixels of each confidence are right; below, how many there are.

    On the diagonal a confidence of 0.8 means that 8 in 10 are right; below it the model is too sure of itself.
    """
    figure = Figure(figsize=(5.5, 6.5), layout="constrained")
    axes, shares = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    for record, label in zip(records, labels, strict=True):
        if not record["calibration"]:
            continue
        filled = [row for row in record["calibration"]["reliability"] if row["pixels"]]
        confidence = [row["confidence"] for row in filled]
        pixels = np.array([row["pixels"] for row in filled])
        error = 100 * record["calibration"]["ece"]
        axes.plot(confidence, [row["accuracy"] for row in filled], marker="o", label=f"{label}: ECE {error:.1f} %")
        shares.plot(confidence, 100 * pixels / pixels.sum(), marker="o")
    axes.set_ylabel("share that is right")
    axes.set_title(f"Confidence against accuracy on {records[0]['dataset']} {records[0]['split']}")
    axes.legend(fontsize=8)
    shares.set_xlabel("confidence of a pixel's class")
    shares.set_ylabel("pixels, %")
    shares.set_xlim(0, 1)
    return figure
