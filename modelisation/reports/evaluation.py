"""An evaluation record as text for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from back.runtime.card import Calibration
from back.runtime.familiarity import Familiarity
from modelisation.evaluation.compare import worst_images
from modelisation.evaluation.latency import PERCENTILES, STAGES
from modelisation.reports.markdown import points, table

_PLAUSIBLE_ACCURACY = 0.2  # one class for all pixels of a street picture has more


def class_table(records: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[str]:
    """One row a class: IoU of each model in per cent, and the calibration error of each that was measured.

    The error is that of the pixels predicted as the class.
    """
    calibrated = [(record, label) for record, label in zip(records, labels, strict=True) if record["calibration"]]
    header = ["class", *(f"{label} IoU %" for label in labels), *(f"{label} ECE %" for _, label in calibrated)]
    rows = [
        [
            name,
            *(points(record["class_iou"][name]) for record in records),
            *(points(record["calibration"]["class_ece"][name]) for record, _ in calibrated),
        ]
        for name in records[0]["class_iou"]
    ]
    return table(header, rows)


def latency_table(latency: Mapping[str, Any]) -> list[str]:
    """One row a stage with its percentiles, and below it what they depend on."""
    header = ["stage", *(f"{p} ms" for p in PERCENTILES)]
    return [*table(header, latency_rows(latency)), "", f"{conditions(latency)}."]


def doubt_labels(record: Mapping[str, Any]) -> str | None:
    """A sentence where scores are so low, over all classes, that the labels are to be doubted; None elsewhere."""
    accuracy = record["pixel_accuracy"]
    if accuracy is None or accuracy >= _PLAUSIBLE_ACCURACY or record["classes_without_pixels"]:
        return None
    return (
        f"A pixel accuracy of {points(accuracy)} % with every class present is that of chance: the labels may be in "
        "another encoding than the one they are read in; look at them with: python -m modelisation doctor DIR"
    )


def format_record(record: Mapping[str, Any], worst: int = 0) -> str:
    """The record as a few lines and Markdown tables, for a terminal or a report."""
    headline = [f"mIoU {points(record['miou'])}"]
    if record["miou_7"] is not None:
        headline.append(f"of the 7 named classes {points(record['miou_7'])}")
    headline.append(f"pixel accuracy {points(record['pixel_accuracy'])}")
    headline.append(f"boundary IoU {points(record['boundary']['boundary_iou'])}")
    lines = [
        f"{record['model']} on {record['dataset']} {record['split']}: {record['images']} images, "
        f"{record['engine']}, {record['inference']['ms_per_image']:.1f} ms an image",
        ", ".join(headline) + " (%)",
        "",
        *class_table([record], [record["model"]]),
        "",
    ]
    if record["classes_without_pixels"]:
        lines.append(f"no pixel, left out of the means: {', '.join(record['classes_without_pixels'])}")
    if doubt := doubt_labels(record):
        lines += [doubt, ""]
    for name, scores in record.get("groups", {}).items():
        ious = ", ".join(f"{group} {points(iou)}" for group, iou in scores["class_iou"].items())
        lines.append(f"counted in {name}: mIoU {points(scores['miou'])} % ({ious})")
    if record["calibration"]:
        lines.append(f"expected calibration error {points(record['calibration']['ece'])} %")
    if record["cityscapes"]:
        official = record["cityscapes"]
        lines.append(
            f"official protocol: classes {points(official['miou_classes'])}, iIoU "
            f"{points(official['miiou_classes'])}, categories {points(official['miou_categories'])}"
        )
    if record["latency"]:
        lines += ["", *latency_table(record["latency"]), ""]
    lines += [f"worst: {image['name']} {points(image['miou'])}" for image in worst_images(record, worst)]
    return "\n".join(lines)


def format_calibration(calibration: Calibration) -> str:
    """What was fitted, in a few lines."""
    (nll, fitted_nll), (ece, held_out_ece) = calibration.nll, calibration.ece
    return "\n".join(
        [
            f"temperature {calibration.temperature:g}, fitted on {calibration.dataset} {calibration.split}, "
            f"{calibration.images} images",
            f"negative log-likelihood {nll:.4f} at temperature 1, {fitted_nll:.4f} at this one",
            f"expected calibration error {points(ece)} % at temperature 1, {points(held_out_ece)} % with each half "
            "of the images at the temperature of the other half",
            f"half of the wrong pixels are below a confidence of {calibration.unsure_below:.0%}, and "
            f"{points(calibration.unsure_share)} % of all pixels",
        ]
    )


def format_familiarity(familiarity: Familiarity) -> str:
    """How often pictures of each kind are called unlike the streets that a model knows, in a few lines."""
    return "\n".join(
        [
            f"a photo is called unlike streets below a familiarity of {familiarity.unfamiliar_below:g}, set on "
            f"{familiarity.set_on}; classes lie as in {familiarity.where_of}",
            *(f"  {share:>6.1%} of {kind}: streets" for kind, share in familiarity.false_alarms.items()),
            *(f"  {share:>6.1%} of {kind}: no streets" for kind, share in familiarity.noticed.items()),
        ]
    )


def latency_rows(latency: Mapping[str, Any]) -> list[list[str]]:
    """One row a stage: its name and p50, p95, p99 in milliseconds."""
    return [[stage, *(f"{latency['ms'][stage][p]:.1f}" for p in PERCENTILES)] for stage in STAGES]


def conditions(latency: Mapping[str, Any]) -> str:
    """What the times depend on, as part of a sentence."""
    threads = f"{latency['threads']} thread{'' if latency['threads'] == 1 else 's'}"
    parts = [
        f"{latency['photo']} on {latency['machine']['processor']}, {latency['machine']['cores']} cores",
        f"{latency['engine']} {latency['precision']} with {threads}",
        f"pixel budget {latency['pixel_budget']:,}",
        f"{latency['runs']} runs after {latency['warm_up']} of warm-up",
    ]
    if latency["peak_rss_bytes"]:
        parts.append(
            f"peak memory of a process that serves this model alone {latency['peak_rss_bytes'] / 1e6:.0f} MB"
        )
    return ", ".join(parts)


def format_robustness(report: Mapping[str, Any]) -> str:
    """The report as a small Markdown table."""
    rows = [["none", f"{100 * report['clean_miou']:.2f}", ""]]
    for name, scores in report["perturbations"].items():
        rows.append([name, f"{100 * scores['miou']:.2f}", f"{scores['points_lost']:.2f}"])
    return "\n".join(table(["what was done to the photo", "mIoU %", "points lost"], rows))
