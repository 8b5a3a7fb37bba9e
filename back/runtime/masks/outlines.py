"""Outlines of the classes in a label map, as polygons with holes (contourpy, which matplotlib draws with, too)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.float64]
# Of outlines that people drag. From pixel to pixel they go in stairs: lines through them have a tenth of the points.
TOLERANCE_PIXELS = 1.0
MIN_PIXELS = 16


@dataclass(frozen=True)
class Region:
    """One region of a class; `outer` and `holes` are closed rings [[x, y], ...] in pixels from the upper left."""

    class_id: int
    outer: Ring
    holes: tuple[Ring, ...]

    @property
    def area(self) -> float:
        """Of the outer ring, holes included."""
        x, y = self.outer.T
        return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2)


def regions_of(labels_HW: npt.NDArray[np.uint8]) -> list[Region]:
    """Every region of every class, the largest first: drawn in this order without holes they give the labels again.

    The rings pass between pixel centres, so a pixel whose centre lies inside is of the class, exactly.
    """
    found = [region for class_id in np.unique(labels_HW).tolist() for region in _regions(labels_HW, class_id)]
    return sorted(found, key=lambda region: -region.area)


def editable_outlines(labels_HW: npt.NDArray[np.uint8]) -> list[tuple[int, Ring]]:
    """Class id and points [[x, y], ...] of what people correct in annotation tools, the largest first.

    Simplified, without specks and without holes: what lies in a hole is drawn over it.
    """
    found = []
    for region in regions_of(labels_HW):
        ring = simplified(region.outer, TOLERANCE_PIXELS)[:-1]
        if region.area >= MIN_PIXELS and len(ring) >= 3:
            found.append((region.class_id, ring))
    return found


def _regions(labels_HW: npt.NDArray[np.uint8], class_id: int) -> Iterator[Region]:
    from contourpy import FillType, contour_generator  # only where outlines are asked for

    inside = np.pad((labels_HW == class_id).astype(np.float32), 1)
    generator = contour_generator(z=inside, fill_type=FillType.OuterOffset)
    found: Any = generator.filled(0.5, 2.0)  # its type is of all forms that can be asked for
    for corners, ends in zip(*found, strict=True):
        rings = [_straightened(corners[a:b] - 0.5) for a, b in pairwise(ends.tolist())]
        yield Region(class_id, rings[0], tuple(rings[1:]))


def _straightened(ring: Ring) -> Ring:
    """A closed ring without the points in the middle of a straight line."""
    points = ring[:-1].astype(np.float64)
    before, after = points - np.roll(points, 1, 0), np.roll(points, -1, 0) - points
    turns = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > 1e-9
    kept = points[turns]
    return np.concatenate([kept, kept[:1]])


def simplified(ring: Ring, tolerance: float) -> Ring:
    """A closed ring of fewer points, none of those left out further than `tolerance` pixels from it.

    Douglas and Peucker, "Algorithms for the reduction of the number of points required to represent a digitized line"
    (1973), over the two halves between the first point and the one that is furthest from it.
    """
    far = int(np.argmax(((ring - ring[0]) ** 2).sum(1)))
    kept = np.zeros(len(ring), bool)
    kept[[0, far, -1]] = True
    open_spans = [(0, far), (far, len(ring) - 1)]
    while open_spans:
        start, end = open_spans.pop()
        if end - start < 2:
            continue
        (x, y), between = ring[end] - ring[start], ring[start + 1 : end] - ring[start]
        distances = np.abs(between[:, 0] * y - between[:, 1] * x) / max(float(np.hypot(x, y)), 1e-9)
        furthest = int(np.argmax(distances))
        if distances[furthest] > tolerance:
            middle = start + 1 + furthest
            kept[middle] = True
            open_spans += [(start, middle), (middle, end)]
    return ring[kept]
