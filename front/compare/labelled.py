"""Which pixels of a label file carry a label for a model, worked out from the API's answer.

The API alone knows what a value of the file means. But all pixels of one value mean the same, so its answer tells: a
value with a wrong pixel is a label. A value without any is one only if the model gives all its pixels one class and
the confusion matrix has counted them. So the reading of label files is written down once, in the API.
"""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from front.photos import png

Mask = npt.NDArray[np.bool_]
_MOST_VALUES = 4096  # more are no class ids, and counting them would take much memory
_STRIP = 1 << 20  # pixels at once: counting widens each to eight bytes


def labelled_pixels(
    values: npt.NDArray[np.integer], wrong: Mask, predicted: npt.NDArray[np.uint8], matrix: Sequence[Sequence[int]]
) -> Mask | None:
    """Pixels by which a model is judged; None where the answer does not add up.

    Args:
        values: a number for each value of the file, 0 and up, [H, W].
        wrong: where the API says that the model is wrong, [H, W].
        predicted: the model's class ids, [H, W].
        matrix: pixels by class of the label (row) and class of the model (column).
    """
    if int(values.max(initial=0)) >= _MOST_VALUES:
        return None
    right, wrongs = _count_by_value(values, wrong, predicted)
    labelled = wrongs > 0
    left = np.zeros(256, np.int64)  # right pixels by class that no value accounts for yet
    left[: len(matrix)] = [row[i] for i, row in enumerate(matrix)]
    left -= right[labelled].sum(0)
    # The largest first: what fits into the matrix has been counted there.
    for value in np.argsort(-right.sum(1)):
        (own,) = np.nonzero(right[value])
        if not labelled[value] and len(own) == 1 and right[value, own[0]] <= left[own[0]]:
            labelled[value] = True
            left[own[0]] -= right[value, own[0]]
    found: Mask = labelled[values]
    return found if int(found.sum()) == sum(map(sum, matrix)) else None


def file_values(label_png: bytes) -> npt.NDArray[np.integer]:
    """A number for each value or colour that a label file's pixels have: [H, W], 0 and up."""
    with Image.open(io.BytesIO(png.keep_picture(label_png))) as image:
        pixels = np.asarray(image)
    if pixels.ndim == 2:
        return pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels
    codes = pixels.astype(np.int64) @ (1 << 8 * np.arange(pixels.shape[2], dtype=np.int64))
    return np.unique(codes, return_inverse=True)[1].reshape(codes.shape)


def _count_by_value(
    values: npt.NDArray[np.integer], wrong: Mask, predicted: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Right pixels by value of the file and class of the model [V, 256], and wrong ones by value [V]."""
    size = int(values.max(initial=0)) + 1
    right, wrongs = np.zeros(size * 256, np.int64), np.zeros(size, np.int64)
    for start in range(0, values.size, _STRIP):
        part = slice(start, start + _STRIP)
        strip, errs = values.reshape(-1)[part].astype(np.int64), wrong.reshape(-1)[part]
        right += np.bincount((strip * 256 + predicted.reshape(-1)[part])[~errs], minlength=size * 256)
        wrongs += np.bincount(strip[errs], minlength=size)
    return right.reshape(size, 256), wrongs
