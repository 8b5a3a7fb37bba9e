"""Figures of a comparison: IoU of each class, and accuracy against latency."""

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
