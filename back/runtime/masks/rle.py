"""Masks as COCO's run lengths: pixels counted column by column, beginning with those outside, and their short form.

That is a string of six-bit groups with differences (`rleToString` in cocodataset/cocoapi, common/maskApi.c).
`modelisation/data/formats/shapes.py` reads both.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def to_rle(mask: Mask) -> list[int]:
    """Uncompressed counts of a mask, bool [H, W]."""
    flat = np.concatenate(([False], mask.T.reshape(-1)))
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(run) for run in np.diff(np.concatenate(([0], changes, [mask.size])))]


def compressed(counts: Iterable[int]) -> str:
    """Counts in COCO's compressed form."""
    counts, text = list(counts), []
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        while True:
            group = value & 31
            value >>= 5
            more = value != (-1 if group & 16 else 0)
            text.append(chr((group | 32 if more else group) + 48))
            if not more:
                break
    return "".join(text)
