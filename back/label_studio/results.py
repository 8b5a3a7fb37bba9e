"""Predictions in Label Studio's words: one result a label as a brush, or one a region as a polygon."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from back.label_studio.config import LabelConfig
from back.runtime.masks.brush import encode_brush
from back.runtime.masks.outlines import editable_outlines

_NO_LABEL = 255


def results_of(
    labels_HW: npt.NDArray[np.uint8], labels: Mapping[int, str], config: LabelConfig
) -> list[dict[str, Any]]:
    """A label map as the `result` of a prediction.

    Args:
        labels_HW: uint8 class ids [height, width].
        labels: class id -> label; pixels of other classes are left out.
    """
    names = sorted(set(labels.values()))
    numbers = np.full(256, _NO_LABEL, np.uint8)  # several classes may have one label
    for class_id, name in labels.items():
        numbers[class_id] = names.index(name)
    numbers_HW = numbers[labels_HW]
    make = _brushes if config.form == "brushlabels" else _polygons
    height, width = labels_HW.shape
    common = {
        "from_name": config.from_name,
        "to_name": config.to_name,
        "type": config.form,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
    }
    return [
        {"id": f"streetseg-{index}", **common, "value": value | {config.form: [names[number]]}}
        for index, (number, value) in enumerate(make(numbers_HW))
    ]


def _brushes(numbers_HW: npt.NDArray[np.uint8]) -> list[tuple[int, dict[str, Any]]]:
    present = [number for number in np.unique(numbers_HW).tolist() if number != _NO_LABEL]
    return [(number, {"format": "rle", "rle": encode_brush(numbers_HW == number)}) for number in present]


def _polygons(numbers_HW: npt.NDArray[np.uint8]) -> list[tuple[int, dict[str, Any]]]:
    """The largest first. Points in per cent of the picture."""
    height, width = numbers_HW.shape
    return [
        (number, {"points": (np.clip(ring / (width, height), 0, 1) * 100).round(3).tolist(), "closed": True})
        for number, ring in editable_outlines(numbers_HW)
        if number != _NO_LABEL
    ]
