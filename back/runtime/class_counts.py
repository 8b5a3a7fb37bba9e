"""How many pixels of a label map have each id, and how many of two maps each pair of ids.

Worth of the former, for the class shares of a JSON answer (2-core Intel Xeon, processor time, medians of 21
interleaved rounds): at 2048x1024 2.0 ms in place of 6.1 by Pillow's `histogram` and 11 by `np.bincount`, 7 % of a
JSON answer at the bundled models' pixel budget; at 1024x512 0.6 in place of 1.7. One table in place of four takes as
long as Pillow. Worth of the latter: 1.4 ms in place of 3.8 by `np.bincount` in strips that fit the processor's cache
(2048x1024, 2-core AMD EPYC).
"""

import numpy as np
import numpy.typing as npt
from numba import int64, njit, uint8, void
from numba.core.types import Array


def count_labels(labels_HW: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pixels of each id: int64 [256] of a uint8 label map of any shape."""
    counts = np.zeros(256, np.int64)
    _count(np.ascontiguousarray(labels_HW).reshape(-1), counts)
    return counts


@njit(void(Array(uint8, 1, "C", readonly=True), int64[::1]), cache=True, nogil=True)
def _count(labels, counts):  # type: ignore[no-untyped-def]
    # Four tables in turn: neighbouring pixels are mostly equal, and one counter would wait for itself.
    tables = np.zeros((4, 256), np.int64)
    for i in range(labels.size):
        tables[i & 3, labels[i]] += 1
    for table in tables:
        counts += table


def count_label_pairs(rows: npt.NDArray[np.uint8], columns: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pixels of each pair of ids, int64 [256 of `rows`, 256 of `columns`], of two uint8 label maps of one shape."""
    counts = np.zeros((256, 256), np.int64)
    _count_pairs(np.ascontiguousarray(rows).reshape(-1), np.ascontiguousarray(columns).reshape(-1), counts)
    return counts


_BYTES = Array(uint8, 1, "C", readonly=True)


@njit(void(_BYTES, _BYTES, int64[:, ::1]), cache=True, nogil=True)
def _count_pairs(first, second, counts):  # type: ignore[no-untyped-def]
    # By runs: most pixels are like the one before.
    one, other, run = uint8(0), uint8(0), int64(0)
    for i in range(first.size):
        if first[i] != one or second[i] != other:
            counts[one, other] += run
            one, other, run = first[i], second[i], int64(0)
        run += 1
    counts[one, other] += run
