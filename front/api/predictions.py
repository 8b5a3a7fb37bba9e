"""Class maps of photos, asked for once: cached by the photo's content, the model's version and its weights.

A photo goes to the API once for all models that are not in the cache yet.
"""

import base64
import binascii
import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from threading import Lock
from typing import Any, Protocol

from front.api.client import ApiClient, Comparison, Segmentation
from front.api.errors import ApiError

CACHE_BYTES = 128 * 2**20
MODELS_A_CALL = 8  # the API compares no more at once


class SentFile(Protocol):
    """A photo or a label file as it goes to the API: its bytes, and their hash to know it again by."""

    @property
    def sha(self) -> str: ...

    @property
    def data(self) -> bytes: ...


@dataclass(frozen=True)
class ModelRef:
    """A served model at one version; a reload changes the version or the hash, so old answers are not reused."""

    name: str
    version: str
    sha256: str

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "ModelRef":
        return cls(entry["name"], str(entry["version"]), entry["sha256"])

    @classmethod
    def of_answer(cls, answer: Segmentation) -> "ModelRef":
        return cls(answer.model, answer.version, answer.sha256)


@dataclass(frozen=True)
class LabelScore:
    """One model against a label file; fractions 0..1, None for a class that neither side has.

    Attributes:
        matrix: pixels by class of the label (row) and class of the model (column).
        errors_png: 8-bit grey PNG of the photo's size, 255 where the model is wrong.
        taxonomy: the model's class set.
        counted: `taxonomy`, `miou`, `pixel_accuracy` and `class_iou` in the coarser classes that all models share;
            None where their classes are the same, or none groups the others.
    """

    miou: float | None
    pixel_accuracy: float | None
    class_iou: Mapping[str, float | None]
    matrix: Sequence[Sequence[int]]
    errors_png: bytes
    taxonomy: str = ""
    counted: Mapping[str, Any] | None = None


def side_by_side(a: LabelScore, b: LabelScore) -> tuple[LabelScore, LabelScore] | None:
    """Both scores in one class set, the models' own or the coarser one; None where there is none."""
    if a.class_iou.keys() == b.class_iou.keys() and a.taxonomy == b.taxonomy:
        return a, b
    if a.counted is None or b.counted is None:
        return None
    return (replace(a, **a.counted), replace(b, **b.counted))


class PredictionCache:
    """Least-recently-used answers up to a number of bytes, shared by all sessions of the process."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: tuple[Any, ...]) -> Any | None:
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: tuple[Any, ...], value: Any) -> None:
        size = footprint(value)
        with self._lock:
            if key in self._entries:
                self._bytes -= self._entries.pop(key)[1]
            self._entries[key] = (value, size)
            self._bytes += size
            while self._bytes > self._max_bytes and len(self._entries) > 1:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._bytes -= dropped


def footprint(value: Any) -> int:
    """Bytes of memory that a value and everything in it take."""
    size = sys.getsizeof(value)
    if isinstance(value, Mapping):
        return size + sum(footprint(k) + footprint(v) for k, v in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return size + sum(map(footprint, value))
    if is_dataclass(value):
        return size + sum(footprint(getattr(value, f.name)) for f in fields(value))
    return size


def cached_answers(cache: PredictionCache, photo: SentFile, models: Iterable[ModelRef]) -> dict[str, Segmentation]:
    """The answers that are there already, by model name."""
    found = {ref.name: cache.get(_key(photo, ref)) for ref in models}
    return {name: value for name, value in found.items() if value is not None}


def segment(
    client: ApiClient, cache: PredictionCache, photo: SentFile, models: Sequence[ModelRef]
) -> dict[str, Segmentation]:
    """Class maps of one photo by model name, in the models' order; one call for up to eight models.

    Raises:
        ApiError: the call brought no result.
    """
    have = cached_answers(cache, photo, models)
    missing = [ref for ref in models if ref.name not in have]
    for start in range(0, len(missing), MODELS_A_CALL):
        asked = missing[start : start + MODELS_A_CALL]
        answer = client.compare(photo.data, models=[ref.name for ref in asked])
        have |= _keep(cache, photo, asked, answer)
    return {ref.name: have[ref.name] for ref in models}


def against_label(
    client: ApiClient,
    cache: PredictionCache,
    photo: SentFile,
    models: Sequence[ModelRef],
    label: SentFile,
    source: str,
) -> dict[str, LabelScore]:
    """Each model's score against a label whose values are those of `source`; the order of the models is all the same.

    Its call brings the class maps too, so it comes before `segment` where both are needed.

    Raises:
        ApiError: the call brought no result.
    """
    key = ("label", photo.sha, frozenset(models), label.sha, source)
    scores: dict[str, LabelScore] | None = cache.get(key)
    if scores is None:
        answer = client.compare(
            photo.data, models=[ref.name for ref in models], label=label.data, label_taxonomy=source
        )
        _keep(cache, photo, models, answer)
        scores = _scores(answer)
        if scores.keys() != {ref.name for ref in models}:
            raise ApiError("broken", "/compare answered without the label's scores of both models.")
        cache.put(key, scores)
    return scores


def _scores(answer: Comparison) -> dict[str, LabelScore]:
    try:
        return {
            name: LabelScore(
                miou=score["miou"],
                pixel_accuracy=score["pixel_accuracy"],
                class_iou=score["class_iou"],
                matrix=score["confusion_matrix"],
                errors_png=base64.b64decode(score["errors"]["base64"], validate=True),
                taxonomy=score["taxonomy"],
                counted=score.get("counted"),
            )
            for name, score in (answer.label or {"models": {}})["models"].items()
        }
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ApiError(
            "broken", f"/compare's label lacks {error}; the dashboard and the API must be of the same release."
        ) from error


def _keep(
    cache: PredictionCache, photo: SentFile, asked: Sequence[ModelRef], answer: Comparison
) -> dict[str, Segmentation]:
    """Store each model's answer and return them by the names asked for."""
    if len(answer.segmentations) != len(asked):
        raise ApiError("broken", f"/compare answered for {len(answer.segmentations)} of {len(asked)} models.")
    for segmentation in answer.segmentations:
        cache.put(_key(photo, ModelRef.of_answer(segmentation)), segmentation)
    return {ref.name: s for ref, s in zip(asked, answer.segmentations, strict=True)}


def _key(photo: SentFile, ref: ModelRef) -> tuple[str, ...]:
    return ("classes", photo.sha, ref.name, ref.version, ref.sha256)
