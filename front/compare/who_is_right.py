"""Two models against a label: which of them is right at each pixel."""

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
    """What the values of `outcome_map` mean."""
    return ("both right", f"only {titles[0]} right", f"only {titles[1]} right", "both wrong", "no label")


def outcome_classes(titles: tuple[str, str]) -> Classes:
    """Name and colour by value, for the viewer."""
    return [{"name": n, "color": list(c)} for n, c in zip(outcome_names(titles), COLOURS, strict=True)]


def outcome_map(
    wrong_a: npt.NDArray[np.bool_], wrong_b: npt.NDArray[np.bool_], labelled: npt.NDArray[np.bool_]
) -> UInt8Array:
    """Who is right at each pixel, by the values of `outcome_names`; all of one shape."""
    outcome = wrong_b.astype(np.uint8) * np.uint8(ONLY_A) + wrong_a.astype(np.uint8) * np.uint8(ONLY_B)
    outcome[~labelled] = NO_LABEL
    return outcome


def outcome_shares(outcome: UInt8Array, titles: tuple[str, str]) -> dict[str, float]:
    """Fraction of the labelled pixels by outcome; all 0 where nothing is labelled."""
    counts = np.bincount(outcome.reshape(-1), minlength=5)[:NO_LABEL]
    total = max(1, int(counts.sum()))
    return {name: float(n / total) for name, n in zip(outcome_names(titles)[:NO_LABEL], counts, strict=True)}


ERROR_CLASSES: Classes = [
    {"name": name, "color": list(COLOURS[i])}
    for name, i in (("right", BOTH_RIGHT), ("wrong", BOTH_WRONG), ("no label", NO_LABEL))
]


def error_maps(outcome: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Each model's own errors, values by `ERROR_CLASSES`."""
    a = np.array([0, 0, 1, 1, 2], np.uint8)
    b = np.array([0, 1, 0, 1, 2], np.uint8)
    return a[outcome], b[outcome]


def shrink(values: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """[H, W] at display size (width, height); values stay values (nearest pixel)."""
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.NEAREST))
