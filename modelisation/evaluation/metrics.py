"""Segmentation scores from one streaming int64 confusion matrix.

Definitions are those of the official Cityscapes evaluation: IoU = TP / (TP + FP + FN) over all pixels of the split,
with pixels whose truth is the ignore index left out. A class that no pixel has, neither in truth nor in prediction,
has no score (None) and is left out of every mean; `classes_without_pixels` names it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.taxonomy import Taxonomy

Labels = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

# street8's eighth class gathers what the seven named ones leave over; miou_7 leaves it out.
UNNAMED_CLASS = "background"


def joint_histogram(truth: Labels, prediction: Labels) -> Counts:
    """Count every pair of values: int64 [256, 256], rows truth, columns prediction."""
    # uint16 codes: one multiplication-free pass, and bincount reads a quarter of the bytes that int64 codes would be.
    code = (truth.astype(np.uint16) << 8) | prediction
    return np.bincount(code.ravel(), minlength=1 << 16).reshape(256, 256).astype(np.int64, copy=False)


def confusion_matrix(truth: Labels, prediction: Labels, num_classes: int, ignore_index: int = 255) -> Counts:
    """Confusion matrix of one label map.

    Args:
        truth: uint8 of any shape, values 0..num_classes-1 or `ignore_index`.
        prediction: uint8 of the same shape, values 0..num_classes-1 wherever the truth is not ignored.
        num_classes: number of classes, 1..255.
        ignore_index: value of truth pixels that do not count.

    Returns:
        int64 [num_classes, num_classes], rows truth, columns prediction. Matrices of many images are added up.

    Raises:
        ValueError: the shapes differ, or a value is outside the classes.

    Example:
        >>> confusion_matrix(np.uint8([0, 1, 1, 255]), np.uint8([0, 1, 0, 0]), 2).tolist()
        [[1, 0], [1, 1]]
    """
    if truth.dtype != np.uint8 or prediction.dtype != np.uint8:
        raise ValueError(f"label maps must be uint8, not {truth.dtype} and {prediction.dtype}")
    if truth.shape != prediction.shape:
        raise ValueError(f"truth is {truth.shape} but prediction is {prediction.shape}: compare at one size")
    pairs = joint_histogram(truth, prediction)
    if ignore_index < 256:
        pairs[ignore_index] = 0
    matrix = pairs[:num_classes, :num_classes].copy()
    if matrix.sum() != pairs.sum():
        rows, columns = np.nonzero(pairs)
        wrong_truth = sorted({int(v) for v in rows if v >= num_classes})
        wrong_prediction = sorted({int(v) for v in columns if v >= num_classes})
        side, values = ("truth", wrong_truth) if wrong_truth else ("prediction", wrong_prediction)
        raise ValueError(
            f"{side} holds {', '.join(map(str, values[:8]))}, outside the classes 0..{num_classes - 1}; "
            "remap the labels to the model's taxonomy first"
        )
    return matrix


def class_ious(matrix: Counts) -> list[float | None]:
    """IoU of each class, 0..1; None where neither truth nor prediction has the class."""
    return _ratios(np.diag(matrix), matrix.sum(0) + matrix.sum(1) - np.diag(matrix))


def mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are there; None when none is."""
    present = [v for v in values if v is not None]
    total = 0.0
    for value in present:  # in order, as the official script adds, so that the last digit agrees
        total += value
    return total / len(present) if present else None


def scores_of(matrix: Counts, taxonomy: Taxonomy) -> dict[str, Any]:
    """Every score that the confusion matrix holds, as plain JSON values in 0..1.

    Args:
        matrix: int64 [C, C], rows truth, columns prediction, C the taxonomy's number of classes.
        taxonomy: names of the classes, in the order of the matrix.

    Returns:
        `miou`, `miou_8` and `miou_7` (None but for street8), `pixel_accuracy`, `mean_class_accuracy`,
        `frequency_weighted_iou`, `mean_dice`; `class_iou`, `class_accuracy` and `dice` by class name (None where the
        class has no pixel); `classes_without_pixels`, the names left out of the means. A mean over nothing is None.

    Raises:
        ValueError: the matrix is not of the taxonomy's size.
    """
    names = taxonomy.names
    if matrix.shape != (len(names), len(names)):
        raise ValueError(f"a matrix of {matrix.shape} does not fit {taxonomy.id}'s {len(names)} classes")
    hits, truth, predicted = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    iou = class_ious(matrix)
    accuracy = _ratios(hits, truth)
    dice = _ratios(2 * hits, truth + predicted)
    total = int(matrix.sum())
    street8 = taxonomy.id == "street8"
    miou = mean_of(iou)
    weighted = sum(int(n) * v for n, v in zip(truth, iou, strict=True) if v is not None)
    return {
        "miou": miou,
        "miou_8": miou if street8 else None,
        "miou_7": mean_of(v for n, v in zip(names, iou, strict=True) if n != UNNAMED_CLASS) if street8 else None,
        "pixel_accuracy": int(hits.sum()) / total if total else None,
        "mean_class_accuracy": mean_of(accuracy),
        "frequency_weighted_iou": weighted / total if total else None,
        "mean_dice": mean_of(dice),
        "class_iou": dict(zip(names, iou, strict=True)),
        "class_accuracy": dict(zip(names, accuracy, strict=True)),
        "dice": dict(zip(names, dice, strict=True)),
        "classes_without_pixels": [n for n, v in zip(names, iou, strict=True) if v is None],
    }


def _ratios(numerator: Counts, denominator: Counts) -> list[float | None]:
    return [int(n) / int(d) if d else None for n, d in zip(numerator, denominator, strict=True)]
