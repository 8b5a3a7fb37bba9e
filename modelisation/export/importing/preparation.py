"""From the configuration of an image processor to the input contract: what a network was shown in training."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from back.runtime.card import MAX_INPUT_PIXELS, ResizeFilter
from back.runtime.errors import UserError

PROCESSOR_FILE = "preprocessor_config.json"
_FILTERS: dict[int, ResizeFilter] = {1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}  # Pillow's numbers
_ASPECT = 4 / 3  # of a photo, where only its shorter side is told
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Preparation:
    """What a network takes.

    Attributes:
        mean, std: on 0..1, RGB, as the card has them.
        bgr: blue comes first.
        size: (height, width) or the number of pixels that pictures are resized to; None where it is not told.
        reduce_labels: label files count from 1, 0 is unlabelled.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize_filter: ResizeFilter = "bilinear"
    bgr: bool = False
    size: tuple[int, int] | int | None = None
    reduce_labels: bool = False

    @property
    def pixels(self) -> int | None:
        """Pixels of a resized picture, as far as the runtime takes them."""
        if self.size is None:
            return None
        pixels = self.size if isinstance(self.size, int) else math.prod(self.size)
        return max(32 * 32, min(pixels, MAX_INPUT_PIXELS))


def read_preparation(folder: Path) -> Preparation:
    """What the image processor in a folder does.

    Raises:
        UserError: there is none, or it is no JSON object.
    """
    path = folder / PROCESSOR_FILE
    if not path.is_file():
        raise UserError(f"{folder}: holds no {PROCESSOR_FILE}, so that nobody knows mean and std; add the one it had")
    try:
        fields: Any = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error})") from error
    if not isinstance(fields, dict):
        raise UserError(f"{path}: is no JSON object")
    return preparation_of(fields)


def preparation_of(fields: Mapping[str, Any]) -> Preparation:
    """The same from its fields, with the library's defaults.

    A rescaling other than by 255, or none, goes into mean and std: (v * factor - mean) / std is
    (v / 255 - mean / 255 / factor) / (std / 255 / factor).
    """
    factor = float(fields.get("rescale_factor", 1 / 255)) if fields.get("do_rescale", True) else 1.0
    normalises = fields.get("do_normalize", True)
    mean = _three(fields.get("image_mean") or IMAGENET[0]) if normalises else (0.0, 0.0, 0.0)
    std = _three(fields.get("image_std") or IMAGENET[1]) if normalises else (1.0, 1.0, 1.0)
    scale = 255 * factor
    bgr = bool(fields.get("do_flip_channel_order", False))
    return Preparation(
        mean=_in_rgb([v / scale for v in mean], bgr),
        std=_in_rgb([v / scale for v in std], bgr),
        resize_filter=_FILTERS.get(fields.get("resample", 2), "bilinear"),
        bgr=bgr,
        size=_size(fields.get("size")) if fields.get("do_resize", True) else None,
        reduce_labels=bool(fields.get("do_reduce_labels", fields.get("reduce_labels", False))),
    )


def _in_rgb(values: Sequence[float], bgr: bool) -> tuple[float, ...]:
    return tuple(reversed(values)) if bgr else tuple(values)


def _size(size: Any) -> tuple[int, int] | int | None:
    if isinstance(size, int):
        return size, size
    if not isinstance(size, Mapping):
        return None
    if size.get("height") and size.get("width"):
        return int(size["height"]), int(size["width"])
    shortest, longest = size.get("shortest_edge"), size.get("longest_edge")
    if shortest:
        long_side = shortest * _ASPECT if not longest else min(shortest * _ASPECT, longest)
        return round(shortest * long_side)
    return round(longest * longest / _ASPECT) if longest else None


def _three(values: Any) -> tuple[float, ...]:
    three = [float(values)] * 3 if isinstance(values, int | float) else [float(v) for v in values]
    if len(three) != 3 or not all(math.isfinite(v) for v in three):
        raise UserError(f"{PROCESSOR_FILE}: mean or std is {values}; the network must take the three colours")
    return tuple(three)
