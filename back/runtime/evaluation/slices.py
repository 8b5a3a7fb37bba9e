"""Scores of parts of a data set: pictures that are alike in something, or parts of all pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from back.runtime.evaluation.columns import numbers_of
from back.runtime.evaluation.score import PARTS, Scored
from back.runtime.scores.bootstrap import Difference, Interval, block_of, paired_differences, pooled_miou
from back.runtime.scores.confusion import Counts, class_ious, pixel_accuracy

_MOST_CLIPS = 40
_RESAMPLES = 1000
_NAMES = {2: ("lower half", "upper half"), 3: ("lowest third", "middle third", "highest third")}
_PARTS_OF = {"height": "Height in the picture", "size": "Size of the object in the label"}


@dataclass(frozen=True)
class Slice:
    """A part: its name, its pictures, and each model's confusion matrices of them, int64 [models, pictures, C, C]."""

    name: str
    pictures: Sequence[Scored]
    matrices: Counts


@dataclass(frozen=True)
class Cut:
    """One way to slice. `note` says how."""

    title: str
    note: str
    slices: tuple[Slice, ...]


def cuts_of(scored: Sequence[Scored], columns: Mapping[str, Mapping[str, str]]) -> Iterator[Cut]:
    """Every way in which these pictures can be sliced, but for those that leave one slice."""
    brightness = {picture.name: picture.brightness for picture in scored}
    found = [
        Cut(
            "Brightness of the photo",
            "Mean luma, black 0 to white 1.",
            tuple(_by_number(scored, brightness, "{:.2f}")),
        )
    ]
    clips = list(dict.fromkeys(picture.sequence for picture in scored))
    if len(clips) <= _MOST_CLIPS:
        by_clip = {picture.name: picture.sequence or "without a clip" for picture in scored}
        found.append(
            Cut("Clip", "The name of a picture without its frame number.", tuple(_by_value(scored, by_clip)))
        )
    for name, title in _PARTS_OF.items():
        note = "Thirds of every picture, and only the pixels in them."
        if name == "size":
            note = "The pixels of every region of the label: small below 0.1 % of the picture, large from 1 % on."
        found.append(Cut(title, note, tuple(_by_part(scored, name))))
    for title, values in columns.items():
        known = [picture for picture in scored if picture.name in values]
        numbers = numbers_of(values)
        if numbers is not None and len(set(numbers.values())) > len(_NAMES[3]):
            slices = tuple(_by_number(known, numbers, "{:g}"))
        else:
            slices = tuple(_by_value(known, values))
        found.append(Cut(title, "A column of the table.", slices))
    yield from (cut for cut in found if len(cut.slices) > 1)


def summary_of(cut: Cut) -> dict[str, Any]:
    """A cut as JSON: each slice's pictures, pixels, the models' scores, and their difference (second − first)."""
    return {"title": cut.title, "note": cut.note, "slices": [_summary_of(part) for part in cut.slices]}


def interval_json(interval: Interval | None) -> dict[str, Any] | None:
    """`estimate`, `low`, `high` and `blocks`; None where there is none."""
    if interval is None or interval.estimate != interval.estimate:
        return None
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "blocks": interval.blocks}


def difference_of(matrices: Counts, pictures: Sequence[Scored]) -> Difference:
    """mIoU of the second model less that of the first."""
    return paired_differences(matrices[1], matrices[0], blocks_of(pictures), resamples=_RESAMPLES).mean


def blocks_of(pictures: Sequence[Scored]) -> list[int]:
    """The block of video that each picture belongs to."""
    return block_of([{"name": picture.name, "sequence": picture.sequence} for picture in pictures])


def _summary_of(part: Slice) -> dict[str, Any]:
    totals = part.matrices.sum(1)
    scores = []
    for total, single in zip(totals, part.matrices, strict=True):
        interval = pooled_miou(single, blocks_of(part.pictures), resamples=_RESAMPLES)
        scores.append(
            {
                "miou": interval_json(interval),
                "pixel_accuracy": pixel_accuracy(total),
                "class_iou": class_ious(total),
            }
        )
    return {
        "name": part.name,
        "numbers": [picture.number for picture in part.pictures],
        "pixels": int(totals[0].sum()),
        "scores": scores,
        "difference": interval_json(difference_of(part.matrices, part.pictures)) if len(totals) > 1 else None,
    }


def _slice(name: str, pictures: Sequence[Scored]) -> Slice:
    return Slice(name, pictures, whole_matrices(pictures))


def whole_matrices(pictures: Sequence[Scored]) -> Counts:
    """Each model's confusion matrices of whole pictures, int64 [models, pictures, C, C]."""
    return np.array([[scores.matrix for scores in picture.models] for picture in pictures]).swapaxes(0, 1)


def _by_number(scored: Sequence[Scored], numbers: Mapping[str, float], form: str) -> Iterator[Slice]:
    """Thirds of the pictures by a number; halves of fewer than six."""
    order = sorted(scored, key=lambda picture: numbers[picture.name])
    names = _NAMES[3 if len(order) >= 6 else 2]
    if len(order) < 2 or numbers[order[0].name] == numbers[order[-1].name]:
        return
    for place, name in enumerate(names):
        part = order[len(order) * place // len(names) : len(order) * (place + 1) // len(names)]
        low, high = (form.format(numbers[part[end].name]) for end in (0, -1))
        yield _slice(f"{name} ({low} to {high})", part)


def _by_value(scored: Sequence[Scored], values: Mapping[str, str]) -> Iterator[Slice]:
    for value in sorted(set(values.values())):
        part = [picture for picture in scored if values.get(picture.name) == value]
        if part:
            yield _slice(value, part)


def _by_part(scored: Sequence[Scored], name: str) -> Iterator[Slice]:
    for place, title in enumerate(PARTS[name]):
        matrices = np.array([[scores.parts[name][place] for scores in picture.models] for picture in scored])
        there = matrices.sum(axis=(1, 2, 3)) > 0
        if there.any():
            part = [picture for picture, is_there in zip(scored, there, strict=True) if is_there]
            yield Slice(title, part, matrices[there].swapaxes(0, 1))
