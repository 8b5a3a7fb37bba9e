"""How two class maps of one photo agree: computed here from maps that are there already, so that no photo is sent."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from front.api.client import Segmentation
from front.api.predictions import ModelRef, PredictionCache
from front.photos.album import Photo

MOST_SWAPS = 8
_STRIP = 1 << 20  # pixels at once: counting widens each to eight bytes


@dataclass(frozen=True)
class Agreement:
    """Two models on one photo.

    Attributes:
        share: fraction of the pixels that both give a class of the same name.
        matrix: pixels by class of A (row) and class of B (column).
        map_png: 8-bit grey PNG of the photo's size, 255 where the names differ.
    """

    share: float
    matrix: list[list[int]]
    map_png: bytes


def agreement(
    cache: PredictionCache, photo: Photo, a: Segmentation, b: Segmentation, names: tuple[Sequence[str], Sequence[str]]
) -> Agreement:
    """How two answers for one photo agree; `names` are both models' classes by id. Asks the API for nothing."""
    key = ("agreement", photo.sha, ModelRef.of_answer(a), ModelRef.of_answer(b))
    found: Agreement | None = cache.get(key)
    if found is None:
        found = agreement_of(a.classes_png, b.classes_png, *names)
        cache.put(key, found)
    return found


def shared_names(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[list[str], list[str], str | None]:
    """What to call each class of two class sets where they are compared, and the coarser set's name if one groups the
    other's classes; else each set's own names.
    """
    own = [[str(one["name"]) for one in taxonomy["classes"]] for taxonomy in (a, b)]
    for index, (fine, coarse) in enumerate(((a, b), (b, a))):
        groups = (fine.get("groups") or {}).get(coarse["id"])
        if groups and set(groups) <= set(own[1 - index]):
            group_of = {name: group for group, names in groups.items() for name in names}
            own[index] = [group_of[name] for name in own[index]]
            return own[0], own[1], str(coarse["id"])
    return own[0], own[1], None


def agreement_of(map_a: bytes, map_b: bytes, names_a: Sequence[str], names_b: Sequence[str]) -> Agreement:
    """Compare two class-map PNGs of one size; names by id, because two models may order their classes differently."""
    a, b = _ids(map_a), _ids(map_b)
    differs = np.full((256, 256), 255, np.uint8)
    for i, name in enumerate(names_a):
        differs[i, [j for j, other in enumerate(names_b) if other == name]] = 0
    table = differs.reshape(-1)
    counts = np.zeros(1 << 16, np.int64)
    marked = np.empty(a.size, np.uint8)
    for start in range(0, a.size, _STRIP):
        part = slice(start, start + _STRIP)
        codes = a.reshape(-1)[part].astype(np.uint16) << 8 | b.reshape(-1)[part]
        counts += np.bincount(codes, minlength=1 << 16)
        marked[part] = table[codes]
    matrix = counts.reshape(256, 256)[: len(names_a), : len(names_b)].tolist()
    return Agreement(1 - np.count_nonzero(marked) / marked.size, matrix, as_png(marked.reshape(a.shape)))


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


def as_png(values: npt.NDArray[np.uint8]) -> bytes:
    """8-bit grey PNG of [H, W]."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG", compress_level=3)
    return out.getvalue()


def _ids(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)
