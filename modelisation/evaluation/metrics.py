"""Every score of a split from its one streaming confusion matrix; the counting is in `back.runtime.scores`."""

from typing import Any

import numpy as np

from back.runtime.scores.confusion import Counts, class_ious, mean_of, pixel_accuracy, ratios
from back.runtime.taxonomy import Taxonomy

# street8's eighth class gathers what the seven named ones leave over; miou_7 leaves it out.
UNNAMED_CLASS = "background"


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
    accuracy = ratios(hits, truth)
    dice = ratios(2 * hits, truth + predicted)
    total = int(matrix.sum())
    street8 = taxonomy.id == "street8"
    miou = mean_of(iou)
    weighted = sum(int(n) * v for n, v in zip(truth, iou, strict=True) if v is not None)
    return {
        "miou": miou,
        "miou_8": miou if street8 else None,
        "miou_7": mean_of(v for n, v in zip(names, iou, strict=True) if n != UNNAMED_CLASS) if street8 else None,
        "pixel_accuracy": pixel_accuracy(matrix),
        "mean_class_accuracy": mean_of(accuracy),
        "frequency_weighted_iou": weighted / total if total else None,
        "mean_dice": mean_of(dice),
        "class_iou": dict(zip(names, iou, strict=True)),
        "class_accuracy": dict(zip(names, accuracy, strict=True)),
        "dice": dict(zip(names, dice, strict=True)),
        "classes_without_pixels": [n for n, v in zip(names, iou, strict=True) if v is None],
    }
