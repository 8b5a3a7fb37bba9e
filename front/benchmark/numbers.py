"""Numbers of the Benchmark page, worked out from the models' evaluation records. Fractions are 0..1."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from front.ui.names import dataset_name

RESAMPLES = 2000
CONFIDENCE = 0.95
# Frames of one clip show the same street, so stretches of video are drawn, never single frames.
BLOCK_FRAMES = 300
MIN_BLOCKS = 5
_SEED = 0

Record = Mapping[str, Any]


def benchmark_row(entry: Record, evaluation: Record | None) -> dict[str, Any]:
    """One line of the table; None where a number was not measured. Per cent, milliseconds, millions, megabytes."""
    metrics = entry.get("metrics") or {}
    evaluation = evaluation or {}
    total = ((evaluation.get("latency") or {}).get("ms") or {}).get("total") or {}
    peak = (evaluation.get("latency") or {}).get("peak_rss_bytes")
    row: dict[str, Any] = {
        "mIoU": _percent(metrics.get("miou")),
        "mIoU, 8 classes": _percent(metrics.get("miou_8")),
        "mIoU, 7 classes": _percent(metrics.get("miou_7")),
        "Pixel accuracy": _percent(metrics.get("pixel_accuracy")),
        "Boundary IoU": _percent((evaluation.get("boundary") or {}).get("boundary_iou")),
        "Latency p50": total.get("p50"),
        "Latency p95": total.get("p95"),
        "Parameters": _in_units(entry.get("parameters"), 1e6),
        "File": _in_units(entry.get("file_size_bytes"), 1e6),
        "Peak memory": _in_units(peak, 1e6),
        "Data": f"{dataset_name(metrics['dataset'])} {metrics['split']}, {metrics['images']} images"
        if metrics
        else None,
        "Version": entry.get("version"),
    }
    for name, value in (metrics.get("class_iou") or {}).items():
        row[f"IoU {name}"] = _percent(value)
    return row


def class_iou(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """IoU by class of confusion matrices [..., C, C] (rows truth); NaN where a class has no pixel."""
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    union = matrix.sum(-1) + matrix.sum(-2) - diagonal
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(union > 0, diagonal / union, np.nan)


def comparable(a: Record, b: Record) -> str | None:
    """Why two evaluations cannot be subtracted image by image, or None when they can."""
    if not a.get("per_image") or not b.get("per_image"):
        return "a report has no scores of single images"
    for key, what in (("taxonomy", "class sets"), ("split_sha256", "images")):
        if a.get(key) != b.get(key):
            return f"they were evaluated on different {what}"
    if [i["name"] for i in a["per_image"]] != [i["name"] for i in b["per_image"]]:
        return "their reports list different images"
    return None


def iou_differences(
    a: Record, b: Record, names: Sequence[str]
) -> list[tuple[str, float, float | None, float | None]]:
    """b minus a in points for the mean and each class, with a 95 % interval of a paired block bootstrap.

    Both models see the same draw. Without `MIN_BLOCKS` independent stretches of video there is no interval. Classes
    without a pixel in either record are left out.
    """
    blocks = blocks_of(a["per_image"])
    sums = _block_sums(a["per_image"], blocks), _block_sums(b["per_image"], blocks)
    observed = _with_mean(class_iou(sums[1].sum(0))) - _with_mean(class_iou(sums[0].sum(0)))
    low, high = _interval(sums[0], sums[1])
    rows: list[tuple[str, float, float | None, float | None]] = []
    for i, name in enumerate(("mean", *names)):
        if not np.isnan(observed[i]):
            bounds = (None, None) if low is None or high is None else (float(low[i]), float(high[i]))
            rows.append((name, float(100 * observed[i]), *bounds))
    return rows


def sentence(rows: Sequence[tuple[str, float, float | None, float | None]], a: str, b: str) -> str:
    """What the intervals say, for people who do not read charts."""
    if any(low is None for _, _, low, _ in rows):
        return (
            f"The images come from fewer than {MIN_BLOCKS} independent stretches of video, so how far these "
            "differences would move on other streets cannot be said."
        )
    sure = [(n, d) for n, d, low, high in rows if low is not None and high is not None and (low > 0 or high < 0)]
    if not sure:
        return f"No difference between {a} and {b} is beyond what another draw of images would give."
    better = [f"{n} ({d:+.1f})" for n, d in sure if d > 0]
    worse = [f"{n} ({d:+.1f})" for n, d in sure if d < 0]
    parts = []
    if better:
        parts.append(f"better on {', '.join(better)}")
    if worse:
        parts.append(f"worse on {', '.join(worse)}")
    return f"{b} is {' and '.join(parts)} points than {a}, beyond what another draw of images would give."


def class_iou_sentence(model: str, iou: Mapping[str, float | None]) -> str:
    """A model's IoU of each class in words, for those who do not see the bars."""
    values = ", ".join(f"{name} {100 * value:.0f} %" for name, value in iou.items() if value is not None)
    return f"{model}: {values}."


def confusion_sentence(matrix: Sequence[Sequence[float]], names: Sequence[str], most: int = 3) -> str:
    """The largest mistakes of a confusion matrix (rows truth) in words."""
    mistakes = [
        (100 * count / sum(row), names[i], names[j])
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
        if i != j and count
    ]
    if not mistakes:
        return "Nothing is taken for anything else."
    worst = sorted(mistakes, reverse=True)[:most]
    return "Most often: " + ", ".join(f"{a} taken for {b} ({share:.0f} %)" for share, a, b in worst) + "."


def image_scores(evaluation: Record) -> list[tuple[str, float]]:
    """(image, mIoU) of each image that has a score."""
    return [(i["name"], float(i["miou"])) for i in evaluation.get("per_image") or () if i.get("miou") is not None]


def blocks_of(images: Sequence[Record]) -> list[int]:
    """Number of the stretch of video that each image is in: `BLOCK_FRAMES` frames of one sequence.

    The frame number is the last number of the name; an image without one counts by its place in the list.
    """
    numbers = [re.findall(r"\d+", image["name"]) for image in images]
    frames = [int(found[-1]) if found else place for place, found in enumerate(numbers)]
    blocks = [0] * len(images)
    block, sequence, first = -1, None, 0
    for i in sorted(range(len(images)), key=lambda i: (images[i]["sequence"], frames[i])):
        if images[i]["sequence"] != sequence or frames[i] - first >= BLOCK_FRAMES:
            block, sequence, first = block + 1, images[i]["sequence"], frames[i]
        blocks[i] = block
    return blocks


def _block_sums(images: Sequence[Record], blocks: Sequence[int]) -> npt.NDArray[np.float64]:
    """Confusion matrices summed by block: [blocks, C, C]."""
    matrices = np.asarray([image["confusion_matrix"] for image in images], np.float64)
    sums = np.zeros((max(blocks) + 1, *matrices.shape[1:]))
    np.add.at(sums, list(blocks), matrices)
    return sums


def _interval(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | tuple[None, None]:
    """Low and high of b minus a in points, for the mean and each class; None with too few blocks."""
    if len(a) < MIN_BLOCKS:
        return None, None
    weights = _draws(len(a))
    drawn = [_with_mean(class_iou(np.tensordot(weights, side, axes=1))) for side in (a, b)]
    tail = 100 * (1 - CONFIDENCE) / 2
    spread = 100 * (drawn[1] - drawn[0])
    low, high = np.full((2, spread.shape[1]), np.nan)
    measured = ~np.isnan(spread).all(axis=0)
    low[measured], high[measured] = np.nanpercentile(spread[:, measured], [tail, 100 - tail], axis=0)
    return low, high


def _draws(groups: int) -> npt.NDArray[np.float64]:
    """How often each group is drawn in each resample: [RESAMPLES, groups]."""
    rng = np.random.default_rng(_SEED)
    return rng.multinomial(groups, np.full(groups, 1 / groups), RESAMPLES).astype(np.float64)


def _with_mean(iou: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean over classes put in front: [..., 1 + C]."""
    present = ~np.isnan(iou)
    mean = np.where(present, iou, 0).sum(-1) / np.maximum(present.sum(-1), 1)
    return np.concatenate([mean[..., None], iou], axis=-1)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _in_units(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit
