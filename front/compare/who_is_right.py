"""Two models against a label, as the API judges each pixel: what it is called, and how it is shown."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

UInt8Array = npt.NDArray[np.uint8]
Classes = list[dict[str, Any]]

BOTH_RIGHT, ONLY_A, ONLY_B, BOTH_WRONG, NO_LABEL = range(5)
# Blue against orange on light and dark: every two stay apart in red-green colour blindness too; a test measures it.
COLOURS = ((235, 240, 240), (0, 125, 200), (235, 140, 40), (90, 0, 50), (120, 124, 123))


def outcome_names(titles: tuple[str, str]) -> tuple[str, ...]:
    """What the values of the API's map of outcomes mean."""
    return ("both right", f"only {titles[0]} right", f"only {titles[1]} right", "both wrong", "no label")


def outcome_classes(titles: tuple[str, str]) -> Classes:
    """Name and colour by value, for the viewer."""
    return [{"name": n, "color": list(c)} for n, c in zip(outcome_names(titles), COLOURS, strict=True)]


def outcome_shares(pixels: Sequence[int], titles: tuple[str, str]) -> dict[str, float]:
    """Fraction of the labelled pixels by outcome; all 0 where nothing is labelled."""
    total = max(1, sum(pixels))
    return {name: count / total for name, count in zip(outcome_names(titles), pixels, strict=False)}


def with_models_swapped(outcome: UInt8Array) -> UInt8Array:
    """The same outcomes with B for A."""
    table = np.array([BOTH_RIGHT, ONLY_B, ONLY_A, BOTH_WRONG, NO_LABEL], np.uint8)
    return table[outcome]


ERROR_CLASSES: Classes = [
    {"name": name, "color": list(COLOURS[i])}
    for name, i in (("right", BOTH_RIGHT), ("wrong", BOTH_WRONG), ("no label", NO_LABEL))
]


def error_maps(outcome: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Each model's own errors, values by `ERROR_CLASSES`."""
    a = np.array([0, 0, 1, 1, 2], np.uint8)
    b = np.array([0, 1, 0, 1, 2], np.uint8)
    return a[outcome], b[outcome]


def shrunk(map_png: bytes, size: tuple[int, int]) -> UInt8Array:
    """The values of a grey PNG at display size (width, height), [H, W]; values stay values (nearest pixel)."""
    with Image.open(io.BytesIO(map_png)) as image:
        return np.asarray(image.resize(size, Image.Resampling.NEAREST))


def as_png(values: UInt8Array) -> bytes:
    """8-bit grey PNG of [H, W]."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG", compress_level=3)
    return out.getvalue()
