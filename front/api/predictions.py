"""Class maps of photos and how they compare: cached by the photo's content, the model's version and its weights.

A photo goes to the API once for all models that are not in the cache yet. What an answer for two models says of the
two is kept with it, so that comparing what was segmented sends nothing.
"""

import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from threading import Lock
from typing import Any, Protocol

from front.api.client import ApiClient
from front.api.comparison import AgainstLabel, Agreement, Comparison, Segmentation
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


def compare(
    client: ApiClient, cache: PredictionCache, photo: SentFile, a: ModelRef, b: ModelRef
) -> tuple[Segmentation, Segmentation, Agreement]:
    """Both models' class maps of one photo and how they agree; at most one call.

    Raises:
        ApiError: the call brought no result.
    """
    answers = cached_answers(cache, photo, (a, b))
    agreement = cached_agreement(cache, photo, a, b)
    if len(answers) < 2 or agreement is None:
        answer = client.compare(photo.data, models=[a.name, b.name])
        answers, agreement = _keep(cache, photo, (a, b), answer), answer.agreement
        if agreement is None:
            raise ApiError("broken", "/compare answered for two models without how they agree.")
    return answers[a.name], answers[b.name], agreement


def cached_agreement(cache: PredictionCache, photo: SentFile, a: ModelRef, b: ModelRef) -> Agreement | None:
    """How two models agree on a photo, where it is known already."""
    agreement: Agreement | None = cache.get(_pair_key(photo, a, b))
    if agreement is None and (other := cache.get(_pair_key(photo, b, a))):
        agreement = other.swapped()
    return agreement


def against_label(
    client: ApiClient,
    cache: PredictionCache,
    photo: SentFile,
    models: Sequence[ModelRef],
    label: SentFile,
    source: str,
) -> AgainstLabel:
    """Models against a label whose values are those of `source`; the order of the models is all the same.

    Its call brings the class maps and their agreement too, so it comes before `compare` where both are needed.

    Raises:
        ApiError: the call brought no result.
    """
    key = _label_key(photo, models, label, source)
    found: AgainstLabel | None = cache.get(key)
    if found is None:
        answer = client.compare(
            photo.data, models=[ref.name for ref in models], label=label.data, label_taxonomy=source
        )
        _keep(cache, photo, models, answer)
        found = answer.label
        if found is None or found.scores.keys() != {ref.name for ref in models}:
            raise ApiError("broken", "/compare answered without the label's scores of each model.")
        cache.put(key, found)
    return found


def label_values(client: ApiClient, cache: PredictionCache, label: SentFile) -> Mapping[str, Sequence[int]]:
    """The values in a label file, by what it may be; nothing where the API cannot read it: `against_label` says why.

    Raises:
        ApiError: the call brought no result, but may later.
    """
    key = ("values", label.sha)
    values: Mapping[str, Sequence[int]] | None = cache.get(key)
    if values is None:
        try:
            values = client.label_values(label.data)
        except ApiError as error:
            if error.passing:
                raise
            values = {}
        cache.put(key, values)
    return values


def keep_against_label(
    cache: PredictionCache, photo: SentFile, label: SentFile, source: str, answer: Comparison
) -> None:
    """Store what was said of models against a label at another time."""
    refs = [ModelRef.of_answer(one) for one in answer.segmentations]
    if answer.label is not None and answer.label.scores.keys() == {ref.name for ref in refs}:
        cache.put(_label_key(photo, refs, label, source), answer.label)


def keep_comparison(cache: PredictionCache, photo: SentFile, answer: Comparison) -> list[ModelRef]:
    """Store what was said of a photo at another time; the versions that said it."""
    refs = [ModelRef.of_answer(one) for one in answer.segmentations]
    _keep(cache, photo, refs, answer)
    return refs


def _keep(
    cache: PredictionCache, photo: SentFile, asked: Sequence[ModelRef], answer: Comparison
) -> dict[str, Segmentation]:
    """Store each model's answer, and how two agree; return the answers by the names asked for."""
    if len(answer.segmentations) != len(asked):
        raise ApiError("broken", f"/compare answered for {len(answer.segmentations)} of {len(asked)} models.")
    for segmentation in answer.segmentations:
        cache.put(_key(photo, ModelRef.of_answer(segmentation)), segmentation)
    if answer.agreement is not None:
        a, b = (ModelRef.of_answer(segmentation) for segmentation in answer.segmentations)
        cache.put(_pair_key(photo, a, b), answer.agreement)
    return {ref.name: s for ref, s in zip(asked, answer.segmentations, strict=True)}


def _label_key(photo: SentFile, models: Iterable[ModelRef], label: SentFile, source: str) -> tuple[Any, ...]:
    return ("label", photo.sha, frozenset(models), label.sha, source)


def _pair_key(photo: SentFile, a: ModelRef, b: ModelRef) -> tuple[Any, ...]:
    return ("agreement", photo.sha, a, b)


def _key(photo: SentFile, ref: ModelRef) -> tuple[str, ...]:
    return ("classes", photo.sha, ref.name, ref.version, ref.sha256)
