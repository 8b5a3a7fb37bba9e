"""An evaluation record as text for people."""

from collections.abc import Mapping
from typing import Any

from modelisation.latency import format_latency


def points(value: float | None) -> str:
    """A fraction as per cent with two decimals, or `no pixel`."""
    return "no pixel" if value is None else f"{100 * value:.2f}"


def worst_images(record: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The images with the lowest mIoU, worst first."""
    scored = [image for image in record["per_image"] if image["miou"] is not None]
    return sorted(scored, key=lambda image: image["miou"])[:count]


def format_record(record: Mapping[str, Any], worst: int = 0) -> str:
    """The record as a few lines for a terminal."""
    percent = {n: "   no pixel" if v is None else f"{100 * v:11.2f}" for n, v in record["class_iou"].items()}
    headline = [f"mIoU {points(record['miou'])}"]
    if record["miou_7"] is not None:
        headline.append(f"of the 7 named classes {points(record['miou_7'])}")
    headline.append(f"pixel accuracy {points(record['pixel_accuracy'])}")
    headline.append(f"boundary IoU {points(record['boundary']['boundary_iou'])}")
    lines = [
        f"{record['model']} on {record['dataset']} {record['split']}: {record['images']} images, "
        f"{record['engine']}, {record['inference']['ms_per_image']:.1f} ms an image",
        ", ".join(headline) + " (%)",
        *(f"  {name:<14}{value}" for name, value in percent.items()),
    ]
    if record["classes_without_pixels"]:
        lines.append(f"no pixel, left out of the means: {', '.join(record['classes_without_pixels'])}")
    if record["calibration"]:
        lines.append(f"expected calibration error {points(record['calibration']['ece'])} %")
    if record["cityscapes"]:
        official = record["cityscapes"]
        lines.append(
            f"official protocol: classes {points(official['miou_classes'])}, iIoU "
            f"{points(official['miiou_classes'])}, categories {points(official['miou_categories'])}"
        )
    if record["latency"]:
        lines.append(format_latency(record["latency"]))
    lines += [f"worst: {image['name']} {points(image['miou'])}" for image in worst_images(record, worst)]
    return "\n".join(lines)
