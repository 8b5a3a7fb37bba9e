"""One photo with its label: what every model makes of it, counted, and the small pictures that show it."""

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.confidence import CERTAIN
from back.runtime.errors import InputError
from back.runtime.evaluation.collect import read_inside
from back.runtime.evaluation.limits import SHOWN_SIDE, THUMB_SIDE, EvaluationLimits, Layer, file_of
from back.runtime.evaluation.shown import shown_map, shown_photo
from back.runtime.imaging import Photo, open_photo
from back.runtime.labels.read import read_label
from back.runtime.labels.source import Source
from back.runtime.labels.tables import table_to
from back.runtime.layouts.listing import Pair, shown
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import Counts, Labels, confusion_matrix
from back.runtime.scores.regions import HEIGHTS, SIZES, height_parts, size_parts
from back.runtime.taxonomy import IGNORE, Taxonomy, apply_remap, grouping

PARTS: Mapping[str, tuple[str, ...]] = {"height": HEIGHTS, "size": SIZES}
_LARGE_PIXELS = 12_000_000  # such photos are worked on one at a time, or memory would not be bounded
_LARGE = threading.Lock()
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601
_SURE = np.arange(CERTAIN + 1, dtype=np.float64).clip(1, CERTAIN - 1) / CERTAIN
# Nats by confidence: of a pixel that is right, of one that is wrong.
_LOSS = (-np.log(_SURE), -np.log(1 - _SURE))


@dataclass(frozen=True)
class ModelScores:
    """One model on one photo.

    Attributes:
        parts: by the keys of `PARTS`, the confusion matrix of each part of the photo, int64 [parts, C, C].
        log_loss: of the model's confidence that it is right, nats a labelled pixel: high where it is sure and wrong.
            None where no pixel is labelled.
    """

    parts: Mapping[str, Counts]
    log_loss: float | None

    @property
    def matrix(self) -> Counts:
        total: Counts = self.parts["height"].sum(0)
        return total


@dataclass(frozen=True)
class Scored:
    """One photo; `brightness` is its mean luma, `disagreement` the share on which two models differ, both 0..1."""

    number: int
    name: str
    sequence: str
    width: int
    height: int
    brightness: float
    models: tuple[ModelScores, ...]
    disagreement: float | None


@dataclass(frozen=True)
class Scorer:
    """Scores photos one after the other; may be used by several threads.

    Attributes:
        predictors: one or two models.
        taxonomy: the classes in which they are counted.
        source: whose values the labels hold.
        folder: where the small pictures go.
        inside: no file elsewhere is read, whatever links say.
    """

    predictors: tuple[Predictor, ...]
    taxonomy: Taxonomy
    source: Source
    limits: EvaluationLimits
    folder: Path
    inside: Path

    def score(self, number: int, pair: Pair) -> Scored:
        """Score one photo and write its layers.

        Raises:
            InputError, ImageError, LabelFileError, LabelValueError, ScoresError, OSError: the photo or its label
                cannot be used.
        """
        assert pair.image is not None
        assert pair.label is not None
        data = read_inside(pair.image, self.inside)
        label = read_inside(pair.label, self.inside)
        photo = open_photo(data, self.limits.pixels)
        with _LARGE if photo.width * photo.height > _LARGE_PIXELS else contextlib.nullcontext():
            return self._score(number, pair, photo, label)

    def _score(self, number: int, pair: Pair, photo: Photo, label: bytes) -> Scored:
        def check_size(width: int, height: int) -> None:
            if (width, height) != (photo.width, photo.height):
                raise InputError(
                    f"the label is {width} x {height} pixels but the photo is {photo.width} x {photo.height}"
                )

        stored_HW = read_label(label, self.source, "the label", check_size)
        truth_HW = apply_remap(stored_HW, table_to(self.source, self.taxonomy), name="the label")
        parts = {"height": height_parts(*truth_HW.shape), "size": size_parts(truth_HW)}
        self._write(number, "photo", shown_photo(photo.image, SHOWN_SIDE))
        self._write(number, "thumb", shown_photo(photo.image, THUMB_SIDE))
        self._write_map(number, "truth", truth_HW)
        scores: list[ModelScores] = []
        maps: list[Labels] = []
        layers: tuple[Layer, Layer] = ("a", "b")
        for predictor, layer in zip(self.predictors, layers, strict=False):
            prediction = predictor.predict_array(photo, confidence=True)
            assert prediction.confidence_HW is not None
            places = grouping(predictor.card.taxonomy, self.taxonomy)
            assert places is not None
            labels_HW = np.array(places, np.uint8)[prediction.labels_HW]
            loss = _log_loss(truth_HW, labels_HW, prediction.confidence_HW)
            scores.append(ModelScores(self._count(truth_HW, labels_HW, parts), loss))
            maps.append(labels_HW)
            self._write_map(number, layer, labels_HW)
        return Scored(
            number=number,
            name=shown(pair.name),
            sequence=shown(pair.sequence),
            width=photo.width,
            height=photo.height,
            brightness=_brightness(photo.image),
            models=tuple(scores),
            disagreement=float((maps[0] != maps[1]).mean()) if len(maps) > 1 else None,
        )

    def _count(self, truth_HW: Labels, labels_HW: Labels, parts: Mapping[str, Labels]) -> dict[str, Counts]:
        classes = len(self.taxonomy.classes)
        counted = {}
        for name, parts_HW in parts.items():
            matrices = []
            for part in range(len(PARTS[name])):
                inside_HW = parts_HW == part
                matrices.append(confusion_matrix(truth_HW[inside_HW], labels_HW[inside_HW], classes))
            counted[name] = np.array(matrices, np.int64)
        return counted

    def _write(self, number: int, layer: Layer, data: bytes) -> None:
        (self.folder / file_of(number, layer)).write_bytes(data)

    def _write_map(self, number: int, layer: Layer, ids_HW: Labels) -> None:
        self._write(number, layer, shown_map(ids_HW, SHOWN_SIDE))


def _log_loss(truth_HW: Labels, labels_HW: Labels, confidence_HW: npt.NDArray[np.uint16]) -> float | None:
    """Binary cross-entropy of the confidence against whether the label agrees, nats a labelled pixel."""
    labelled_HW = truth_HW != IGNORE
    if not labelled_HW.any():
        return None
    right_HW = truth_HW == labels_HW
    total = 0.0
    for table, chosen_HW in zip(_LOSS, (right_HW, labelled_HW & ~right_HW), strict=True):
        total += float(np.bincount(confidence_HW[chosen_HW], minlength=CERTAIN + 1) @ table)
    return total / int(labelled_HW.sum())


def _brightness(image: Image.Image) -> float:
    """Mean luma of a picture, 0..1."""
    small = np.asarray(image.resize((64, 64), Image.Resampling.BOX), np.float32)
    return float((small @ _GREY).mean() / 255)
