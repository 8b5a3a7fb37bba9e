"""Parts of a picture whose pixels are scored apart: thirds of its height, and objects by their size."""

import numpy as np
import numpy.typing as npt
from numba import njit

Labels = npt.NDArray[np.uint8]
HEIGHTS = ("top third", "middle third", "bottom third")
SIZES = ("small", "medium", "large")
# Of the picture's pixels: below the first an object is small, below the second medium.
SIZE_STEPS = (0.001, 0.01)


def height_parts(height: int, width: int) -> Labels:
    """The index in `HEIGHTS` of every pixel: uint8 [height, width]."""
    rows = (np.arange(height) * len(HEIGHTS) // height).astype(np.uint8)
    return np.broadcast_to(rows[:, None], (height, width))


def size_parts(truth_HW: Labels) -> Labels:
    """The index in `SIZES` of the object that every pixel belongs to: uint8 [H, W].

    An object is a region of one value whose pixels touch at their sides.
    """
    sizes_HW = _region_sizes(np.ascontiguousarray(truth_HW))
    steps = [step * truth_HW.size for step in SIZE_STEPS]
    parts: Labels = np.searchsorted(steps, sizes_HW, side="right").astype(np.uint8)
    return parts


@njit(cache=True, nogil=True)
def _root(parents, pixel):  # type: ignore[no-untyped-def]
    while parents[pixel] != pixel:
        parents[pixel] = parents[parents[pixel]]
        pixel = parents[pixel]
    return pixel


@njit(cache=True, nogil=True)
def _region_sizes(labels):  # type: ignore[no-untyped-def]
    """Pixels of the region that every pixel is in: int32 [H, W]. Union of neighbours, then one count a root."""
    height, width = labels.shape
    parents = np.arange(height * width, dtype=np.int32)
    for y in range(height):
        for x in range(width):
            here = y * width + x
            if x and labels[y, x] == labels[y, x - 1]:
                parents[here] = _root(parents, here - 1)
            if y and labels[y, x] == labels[y - 1, x]:
                a, b = _root(parents, here), _root(parents, here - width)
                if a < b:
                    parents[b] = a
                else:
                    parents[a] = b
    sizes = np.zeros(height * width, np.int32)
    for pixel in range(height * width):
        root = _root(parents, pixel)
        parents[pixel] = root
        sizes[root] += 1
    out = np.empty(height * width, np.int32)
    for pixel in range(height * width):
        out[pixel] = sizes[parents[pixel]]
    return out.reshape(height, width)
