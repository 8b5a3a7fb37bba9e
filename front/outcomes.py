"""Two models against each other and against a label: which classes swap, and who is right where."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from front.photos import shrink_map

_COLOURS = ((150, 160, 158), (20, 157, 143), (224, 123, 57), (150, 20, 90))
MOST_SWAPS = 8


def largest_swaps(
    matrix: Sequence[Sequence[int]], rows: Sequence[str], columns: Sequence[str]
) -> list[tuple[str, str, float]]:
    """(class of A, class of B, per cent of the photo) where the names differ, largest first."""
    total = sum(map(sum, matrix)) or 1
    swaps = [
        (row, column, 100 * matrix[i][j] / total)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
        if row != column and matrix[i][j]
    ]
    return sorted(swaps, key=lambda swap: -swap[2])[:MOST_SWAPS]


def outcome_names(titles: tuple[str, str]) -> tuple[str, ...]:
    """What the values of `outcome_map` mean."""
    return ("both right, or no label", f"only {titles[0]} right", f"only {titles[1]} right", "both wrong")


def outcome_classes(titles: tuple[str, str]) -> list[dict[str, Any]]:
    """Name and colour by value, for the viewer."""
    return [{"name": n, "color": list(c)} for n, c in zip(outcome_names(titles), _COLOURS, strict=True)]


def outcome_map(errors_a: bytes, errors_b: bytes, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Who is right, at display size (width, height): 0 both or no label, 1 only A, 2 only B, 3 neither.

    The inputs are the API's error maps, 255 where a model is wrong.
    """
    wrong_a, wrong_b = (_grey(shrink_map(png, size)) > 127 for png in (errors_a, errors_b))
    return (wrong_b * np.uint8(1) + wrong_a * np.uint8(2)).astype(np.uint8)


def outcome_shares(outcome: npt.NDArray[np.uint8], titles: tuple[str, str]) -> dict[str, float]:
    """Fraction of the photo by outcome."""
    counts = np.bincount(outcome.ravel(), minlength=4)
    return {name: float(n / outcome.size) for name, n in zip(outcome_names(titles), counts, strict=True)}


def as_png(values: npt.NDArray[np.uint8]) -> bytes:
    """8-bit grey PNG of [H, W]."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG", compress_level=3)
    return out.getvalue()


def _grey(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)
