"""Class maps of photos, asked for once: cached by the photo's content, the model's version and its weights.

A photo goes to the API once for all models that are not in the cache yet.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from front.api import ApiClient, ApiError, Comparison, Segmentation
from front.photos import Photo

CACHE_BYTES = 128 * 2**20
MODELS_A_CALL = 8  # the API compares no more at once


@dataclass(frozen=True)
class ModelRef:
    """A served model at one version; a reload changes the version or the hash, so old answers are not reused."""

    name: str
    version: str
    sha256: str

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "ModelRef":
        return cls(entry["name"], str(entry["version"]), entry["sha256"])


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

    def put(self, key: tuple[Any, ...], value: Any, size: int) -> None:
        with self._lock:
            if key in self._entries:
                self._bytes -= self._entries.pop(key)[1]
            self._entries[key] = (value, size)
            self._bytes += size
            while self._bytes > self._max_bytes and len(self._entries) > 1:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._bytes -= dropped


def cached(cache: PredictionCache, photo: Photo, models: Iterable[ModelRef]) -> dict[str, Segmentation]:
    """The answers that are there already, by model name."""
    found = {ref.name: cache.get(_key(photo, ref)) for ref in models}
    return {name: value for name, value in found.items() if value is not None}


def segment(
    client: ApiClient, cache: PredictionCache, photo: Photo, models: Sequence[ModelRef]
) -> dict[str, Segmentation]:
    """Class maps of one photo by model name, in the models' order; one call for up to eight models.

    Raises:
        ApiError: the call brought no result.
    """
    have = cached(cache, photo, models)
    missing = [ref for ref in models if ref.name not in have]
    for start in range(0, len(missing), MODELS_A_CALL):
        asked = missing[start : start + MODELS_A_CALL]
        answer = client.compare(photo.data, models=[ref.name for ref in asked])
        have |= _keep(cache, photo, asked, answer)
    return {ref.name: have[ref.name] for ref in models}


def compare(
    client: ApiClient,
    cache: PredictionCache,
    photo: Photo,
    models: Sequence[ModelRef],
    label: tuple[str, bytes, str] | None,
) -> Comparison:
    """`/compare` on one photo for these models; `label` is (content hash, PNG bytes, taxonomy)."""
    key = ("compare", photo.sha, tuple(models), label and (label[0], label[2]))
    answer: Comparison | None = cache.get(key)
    if answer is None:
        answer = client.compare(
            photo.data,
            models=[ref.name for ref in models],
            label=label and label[1],
            label_taxonomy=label and label[2],
        )
        _keep(cache, photo, models, answer)
        cache.put(key, answer, sum(len(s.classes_png) for s in answer.segmentations) * 2)
    return answer


def _keep(
    cache: PredictionCache, photo: Photo, asked: Sequence[ModelRef], answer: Comparison
) -> dict[str, Segmentation]:
    """Store each model's answer and return them by the names asked for."""
    if len(answer.segmentations) != len(asked):
        raise ApiError("broken", f"/compare answered for {len(answer.segmentations)} of {len(asked)} models.")
    for segmentation in answer.segmentations:
        ref = ModelRef(segmentation.model, segmentation.version, segmentation.sha256)
        cache.put(_key(photo, ref), segmentation, len(segmentation.classes_png) + 2_000)
    return {ref.name: s for ref, s in zip(asked, answer.segmentations, strict=True)}


def _key(photo: Photo, ref: ModelRef) -> tuple[str, ...]:
    return ("classes", photo.sha, ref.name, ref.version, ref.sha256)
