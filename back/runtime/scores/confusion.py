"""Confusion matrices and what follows from them: IoU of each class, means, the scores of one photo.

Definitions are those of the official Cityscapes evaluation: IoU = TP / (TP + FP + FN) over all pixels of the split,
with pixels whose truth is the ignore index left out. A class that no pixel has, neither in truth nor in prediction,
has no score and is left out of every mean.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.taxonomy import Taxonomy

Labels = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


def count_pairs(rows: Labels, columns: Labels) -> Counts:
    """Count every pair of values that two label maps hold at the same pixel.

    Args:
        rows: uint8 of any shape.
        columns: uint8 of the same shape.

    Returns:
        int64 [256, 256]: element [i, j] is the number of pixels that are i in `rows` and j in `columns`.

    Raises:
        ValueError: the maps are not uint8 or not of one shape.
    """
    if rows.dtype != np.uint8 or columns.dtype != np.uint8:
        raise ValueError(f"label maps must be uint8, not {rows.dtype} and {columns.dtype}")
    if rows.shape != columns.shape:
        raise ValueError(f"one label map is {rows.shape} and the other {columns.shape}: compare at one size")
    from back.runtime.class_counts import count_label_pairs  # numba, for which no command's help should wait

    return count_label_pairs(rows, columns)


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
    pairs = count_pairs(truth, prediction)
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


def regrouped(matrix: Counts, places: Sequence[int], size: int) -> Counts:
    """A confusion matrix [C, C] in coarser classes: int64 [size, size]; class i belongs to `places[i]`.

    Example:
        >>> regrouped(np.array([[5, 1, 0], [2, 6, 0], [0, 1, 9]]), (0, 0, 1), 2).tolist()
        [[14, 0], [1, 9]]
    """
    onto = np.zeros((len(places), size), np.int64)
    onto[np.arange(len(places)), list(places)] = 1
    coarse: Counts = onto.T @ matrix @ onto
    return coarse


def ious_of(matrices: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """IoU of each class of many confusion matrices at once.

    Args:
        matrices: [..., C, C] pixel counts below 2**53, rows truth, columns prediction.

    Returns:
        float64 [..., C] in 0..1; NaN where neither truth nor prediction has the class.
    """
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    union = matrices.sum(-1) + matrices.sum(-2) - hits
    return np.divide(hits, union, out=np.full(hits.shape, np.nan), where=union > 0)


def class_ious(matrix: Counts) -> list[float | None]:
    """IoU of each class of one confusion matrix, 0..1; None where neither truth nor prediction has the class."""
    return [None if value != value else value for value in ious_of(matrix).tolist()]


def ratios(numerator: Counts, denominator: Counts) -> list[float | None]:
    """Element by element; None where the denominator is 0."""
    return [int(n) / int(d) if d else None for n, d in zip(numerator, denominator, strict=True)]


def mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are there; None when none is."""
    present = [v for v in values if v is not None]
    total = 0.0
    for value in present:  # in order, as the official script adds, so that the last digit agrees
        total += value
    return total / len(present) if present else None


def pixel_accuracy(matrix: Counts) -> float | None:
    """Fraction 0..1 of the labelled pixels that are right; None where none is labelled."""
    total = int(matrix.sum())
    return int(np.diag(matrix).sum()) / total if total else None


def scores_against(pairs: Counts, taxonomy: Taxonomy) -> dict[str, Any]:
    """Scores of one photo against its label, 0..1.

    Args:
        pairs: as `count_pairs` gives, rows the label, columns the model's classes; other values are left out.
        taxonomy: the model's classes.

    Returns:
        `miou`, `pixel_accuracy`, `class_iou` by name and `confusion_matrix`; None for what no pixel can tell.
    """
    classes = len(taxonomy.classes)
    matrix = pairs[:classes, :classes]
    iou = class_ious(matrix)
    return {
        "miou": mean_of(iou),
        "pixel_accuracy": pixel_accuracy(matrix),
        "class_iou": dict(zip(taxonomy.names, iou, strict=True)),
        "confusion_matrix": matrix.tolist(),
    }
