"""A TFLite file of Cityscapes' 19 classes as the teacher of photos, in overlapping squares.

Made for DeepLab on MobileNet-EdgeTPU (google-coral/test_data, Apache-2.0): uint8 square in, labels out, with the
scores of the classes on a grid of their own before the last resize. Such a network knows the world at the scale of
its training, squares of about 300 to 520 pixels; the mean over squares that overlap, and of two sizes where a photo
has the pixels, is better than one.
"""

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from back.runtime.card import TeacherRecord, sha256_of
from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, open_photo
from back.runtime.taxonomy import Taxonomy, remap_for
from modelisation.training.teachers.base import Floats, Pixels, quantise, softmax

LARGEST_SQUARE, SMALLEST_SQUARE = 512, 300  # pixels of a photo
SECOND_SIZE = 0.62  # of the first square's side
CELL = 8  # pixels of the photo, as it is shown to the network, for each of the teacher's answers
_CLASSES = 19


class TfliteTeacher:
    """A TFLite network whose classes are Cityscapes' train ids; see `PhotoTeacher`.

    Args:
        file: the .tflite file.
        taxonomy: the student's; probabilities of classes that it merges are summed.
        licence: the terms of the weights, for the card.

    Raises:
        UserError: the interpreter is not installed, the file is none of this kind, or the taxonomy is no grouping of
            Cityscapes' classes.
    """

    def __init__(self, file: Path, taxonomy: Taxonomy, licence: str | None) -> None:
        self._file = file
        self._groups_19C = _groups(taxonomy)
        sha256 = sha256_of(file)
        self.record = TeacherRecord(name=file.stem, sha256=sha256, weights_licence=licence)
        self.key = f"tflite-{sha256[:16]}-{taxonomy.id}"
        _ = self._network  # what is wrong with the file is said before anything else is read

    def probabilities(self, photo: bytes) -> Pixels:
        opened = open_photo(photo, MAX_FILE_PIXELS)
        shrink = min(1.0, LARGEST_SQUARE / min(opened.height, opened.width))
        height, width = max(1, round(opened.height * shrink)), max(1, round(opened.width * shrink))
        image_HWC = np.asarray(opened.image.resize((width, height), Image.Resampling.BOX))
        total_hw19 = average_squares(image_HWC, squares_of(height, width), self._label_square)
        return quantise(total_hw19 @ self._groups_19C)

    def _label_square(self, square_HWC: Pixels) -> Floats:
        """Probabilities float32 [33, 33, 19] of a square of any size."""
        interpreter, image, scores = self._network
        side = int(image["shape"][1])
        resized = Image.fromarray(square_HWC).resize((side, side), Image.Resampling.BILINEAR)
        interpreter.set_tensor(image["index"], np.asarray(resized)[None])
        interpreter.invoke()
        raw = interpreter.get_tensor(scores["index"])[0].astype(np.float32)
        scale, zero = scores["quantization"]
        return softmax((raw - zero) * scale if scale else raw, -1)

    @cached_property
    def _network(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """The interpreter, its input, and the scores: the last tensor with a value a class on a square grid."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise UserError(
                f"{self._file}: TFLite files are read by ai-edge-litert, which is not installed; run "
                "pip install --no-deps ai-edge-litert==2.3.0 in this environment"
            ) from error
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that keeping the scores takes memory, which is what we want
                interpreter = Interpreter(str(self._file), experimental_preserve_all_tensors=True)
            interpreter.allocate_tensors()
            (image,) = interpreter.get_input_details()
        except ValueError as error:
            raise UserError(f"{self._file}: not a TFLite network that can be read: {error}") from error
        input_side = int(image["shape"][1])
        found = [
            tensor
            for tensor in interpreter.get_tensor_details()
            if len(shape := tensor["shape"]) == 4 and shape[3] == _CLASSES and shape[1] == shape[2] < input_side // 4
        ]
        if image["dtype"] != np.uint8 or not found:
            raise UserError(
                f"{self._file}: wanted a network that takes uint8 squares and scores {_CLASSES} classes of Cityscapes"
            )
        return interpreter, image, found[-1]


def squares_of(height: int, width: int) -> list[tuple[int, int, int]]:
    """(top, left, side) of squares that cover a photo, neighbours overlapping by half, of one or two sizes."""
    first = min(height, width)
    sides = [first] + ([second] if (second := round(first * SECOND_SIZE)) >= SMALLEST_SQUARE else [])
    return [(top, left, side) for side in sides for top in _starts(height, side) for left in _starts(width, side)]


def _starts(length: int, side: int) -> list[int]:
    steps = -(-(length - side) // max(1, side // 2))
    return [round(i * (length - side) / steps) for i in range(steps + 1)] if steps else [0]


def average_squares(image_HWC: Pixels, squares: list[tuple[int, int, int]], label_square: Any) -> Floats:
    """The mean of what squares say, float32 [H / 8, W / 8, classes]; the middle of a square counts more than its rim.

    Args:
        image_HWC: uint8 RGB.
        squares: (top, left, side), which cover the picture.
        label_square: uint8 [side, side, 3] -> float32 [n, n, classes].
    """
    height, width = image_HWC.shape[:2]
    high, wide = -(-height // CELL), -(-width // CELL)
    # Centres of the answer's cells, in pixels; the last row and column may be narrower.
    y, x = (np.arange(high) + 0.5) * height / high, (np.arange(wide) + 0.5) * width / wide
    total: Floats | None = None
    weights = np.zeros((high, wide, 1), np.float32)
    for top, left, side in squares:
        cells_nnC = label_square(np.ascontiguousarray(image_HWC[top : top + side, left : left + side]))
        rows = np.flatnonzero((y >= top) & (y < top + side))
        columns = np.flatnonzero((x >= left) & (x < left + side))
        v, u = (y[rows] - top) / side, (x[columns] - left) / side
        part = _bilinear(cells_nnC, v, u)
        weight = np.minimum.outer(_hat(v), _hat(u))[..., None].astype(np.float32)
        if total is None:
            total = np.zeros((high, wide, part.shape[-1]), np.float32)
        place = np.ix_(rows, columns)
        total[place] += weight * part
        weights[place] += weight
    assert total is not None  # every photo has at least one square
    return np.asarray(total / weights, np.float32)


def _bilinear(cells_nnC: Floats, v: Floats, u: Floats) -> Floats:
    """Values at rows v and columns u, both in 0..1 over the cells' area."""
    n = cells_nnC.shape[0]
    along = []
    for places in (v, u):
        position = (places * n - 0.5).clip(0, n - 1)
        low = np.floor(position).astype(int).clip(0, n - 2)
        along.append((low, (position - low).astype(np.float32)))
    (rows, dy), (columns, dx) = along
    top = cells_nnC[rows] * (1 - dy)[:, None, None] + cells_nnC[rows + 1] * dy[:, None, None]
    return np.asarray(top[:, columns] * (1 - dx)[None, :, None] + top[:, columns + 1] * dx[None, :, None])


def _hat(places: Floats) -> Floats:
    return np.asarray(0.05 + np.minimum(places, 1 - places))


def _groups(taxonomy: Taxonomy) -> Floats:
    """float32 [19, C]: which class of a taxonomy each of Cityscapes' train ids belongs to.

    Raises:
        UserError: the taxonomy is no grouping of Cityscapes' classes.
    """
    to_19 = remap_for("cityscapes_label_ids", "cityscapes19")
    try:
        to_ours = remap_for("cityscapes_label_ids", taxonomy.id)
    except ValueError as error:
        raise UserError(
            f"a TFLite teacher knows Cityscapes' classes, and {taxonomy.id} is no grouping of them"
        ) from error
    groups_19C = np.zeros((_CLASSES, len(taxonomy.classes)), np.float32)
    for label_id, train_id in to_19.items():
        if train_id < _CLASSES and to_ours[label_id] < len(taxonomy.classes):
            groups_19C[train_id, to_ours[label_id]] = 1
    return groups_19C
