"""`/compare`'s answer: each model's class map of a photo, how two of them agree, and both against a label."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Segmentation:
    """One model's answer for one photo.

    Attributes:
        classes_png: the class ids at the photo's own size, 8-bit grey PNG.
        class_shares: class name -> fraction of the photo, 0..1.
        timings_ms: stage -> milliseconds, with `total`.
        unfamiliar: whether the photo is unlike the model's training streets; None where its card does not say how to
            tell, or the answer was kept by an earlier release.
    """

    model: str
    version: str
    sha256: str
    width: int
    height: int
    classes_png: bytes
    class_shares: Mapping[str, float]
    timings_ms: Mapping[str, float]
    unfamiliar: bool | None = None

    @property
    def worked_ms(self) -> float:
        """Time of all stages; `total` also holds the waiting for the other models of the same call."""
        return sum(ms for stage, ms in self.timings_ms.items() if stage != "total")


@dataclass(frozen=True)
class Agreement:
    """How two models agree on one photo.

    Attributes:
        share: fraction of the pixels that both give the same class.
        matrix: pixels by class of A (row) and class of B (column).
        map_png: 8-bit grey PNG of the photo's size, 255 where the classes differ.
        counted_in: the coarser class set whose classes are compared; None where those of one name are.
    """

    share: float
    matrix: Sequence[Sequence[int]]
    map_png: bytes
    counted_in: str | None

    def swapped(self) -> "Agreement":
        """The same with B first."""
        return replace(self, matrix=[list(row) for row in zip(*self.matrix, strict=True)])


@dataclass(frozen=True)
class LabelScore:
    """One model against a label file; fractions 0..1, None for a class that neither side has.

    Attributes:
        matrix: pixels by class of the label (row) and class of the model (column).
        taxonomy: the model's class set.
        counted: `taxonomy`, `miou`, `pixel_accuracy` and `class_iou` in the coarser classes that all models share;
            None where their classes are the same, or none groups the others.
    """

    miou: float | None
    pixel_accuracy: float | None
    class_iou: Mapping[str, float | None]
    matrix: Sequence[Sequence[int]]
    taxonomy: str
    counted: Mapping[str, Any] | None = None


def side_by_side(a: LabelScore, b: LabelScore) -> tuple[LabelScore, LabelScore] | None:
    """Both scores in one class set, the models' own or the coarser one; None where there is none."""
    if a.class_iou.keys() == b.class_iou.keys() and a.taxonomy == b.taxonomy:
        return a, b
    if a.counted is None or b.counted is None:
        return None
    return (replace(a, **a.counted), replace(b, **b.counted))


@dataclass(frozen=True)
class Outcomes:
    """Which of two models is right at the pixels that carry a label for both.

    Attributes:
        a: the name of the first; the other is B.
        pixels: where both are right, only A, only B, neither.
        map_png: 8-bit grey PNG of the photo's size, 0 to 3 in that order, 4 without a label.
    """

    a: str
    pixels: tuple[int, int, int, int]
    map_png: bytes


@dataclass(frozen=True)
class AgainstLabel:
    """Models against a label file.

    Attributes:
        scores: of each by its name.
        outcomes: who is right where, of exactly two.
        truths: the label by class set: class ids at the photo's own size, 8-bit grey PNG, 255 where none is.
    """

    scores: Mapping[str, LabelScore]
    outcomes: Outcomes | None
    truths: Mapping[str, bytes]


@dataclass(frozen=True)
class Comparison:
    """Models on one photo; of any other number than two there is no agreement, and without a label nothing of it."""

    segmentations: tuple[Segmentation, ...]
    agreement: Agreement | None
    label: AgainstLabel | None


def comparison_of(answer: Mapping[str, Any]) -> Comparison:
    """From the JSON.

    Raises:
        KeyError, TypeError, ValueError: it is not of the form that this release's API sends.
    """
    width, height = int(answer["width"]), int(answer["height"])
    segmentations = tuple(
        Segmentation(
            model=entry["model"],
            version=str(entry["version"]),
            sha256=entry["sha256"],
            width=width,
            height=height,
            classes_png=_png(entry["image"]),
            class_shares=entry["class_shares"],
            timings_ms=entry["timings_ms"],
            unfamiliar=entry.get("unfamiliar"),
        )
        for entry in answer["models"]
    )
    label = _against_label(answer["label"]) if answer["label"] else None
    if len(segmentations) != 2:
        return Comparison(segmentations, None, label)
    (pair,) = answer["pairs"]
    agreement = Agreement(
        pair["pixel_agreement"], pair["confusion_matrix"], _png(answer["disagreement"]), pair["counted_in"]
    )
    return Comparison(segmentations, agreement, label)


def _against_label(label: Mapping[str, Any]) -> AgainstLabel:
    scores = {
        name: LabelScore(
            miou=score["miou"],
            pixel_accuracy=score["pixel_accuracy"],
            class_iou=score["class_iou"],
            matrix=score["confusion_matrix"],
            taxonomy=score["taxonomy"],
            counted=score["counted"],
        )
        for name, score in label["models"].items()
    }
    truths = {key: _png(image) for key, image in label["truth"].items()}
    if len(scores) != 2:
        return AgainstLabel(scores, None, truths)
    (pair,) = label["pairs"]
    pixels = (pair["both_right"], pair["only_a"], pair["only_b"], pair["both_wrong"])
    return AgainstLabel(scores, Outcomes(pair["a"], pixels, _png(pair["outcome"])), truths)


def _png(image: Mapping[str, str]) -> bytes:
    return base64.b64decode(image["base64"], validate=True)
