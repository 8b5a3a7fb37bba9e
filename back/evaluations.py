"""The evaluations that bundles carry in their reports, two of them side by side. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, NonNegativeInt, ValidationError

from back.runtime.scores.bootstrap import Differences, block_of, paired_differences
from back.runtime.scores.confusion import Counts, regrouped
from back.runtime.taxonomy import Taxonomy, common_of, grouping


class ComparisonError(ValueError):
    """Two evaluations that cannot be compared image by image: says why, in a sentence without a full stop."""


@dataclass(frozen=True)
class Evaluated:
    """A model as its bundle tells of it.

    Attributes:
        name: what messages call it.
        report: `report.json`; None where there is none.
        taxonomy: the classes, in the order of the confusion matrices.
    """

    name: str
    report: Mapping[str, Any] | None
    taxonomy: Taxonomy


class _Image(BaseModel):
    name: str
    sequence: str
    confusion_matrix: list[list[NonNegativeInt]]


class _Evaluation(BaseModel):
    """The part of an evaluation record that a comparison reads; `modelisation evaluate` writes it."""

    dataset: str
    split: str
    split_sha256: str
    taxonomy: str
    per_image: list[_Image]


@dataclass(frozen=True)
class EvaluationDifferences:
    """Where two models were scored, and how far their scores are apart there.

    `finer` names the models whose scores were counted in the coarser classes of the other.
    """

    taxonomy: Taxonomy
    finer: tuple[str, ...]
    dataset: str
    split: str
    images: int
    scores: Differences


def differences_of(a: Evaluated, b: Evaluated) -> EvaluationDifferences:
    """Scores of B less those of A, with intervals of a paired block bootstrap.

    Raises:
        ComparisonError: a report holds no scores of single images, or these are not of the same images and classes.
    """
    first, second = _evaluation_of(a), _evaluation_of(b)
    common = common_of((a.taxonomy, b.taxonomy))
    if (first.taxonomy, second.taxonomy) != (a.taxonomy.id, b.taxonomy.id) or common is None:
        raise ComparisonError(f"{a.name} and {b.name} were evaluated on different class sets")
    if first.split_sha256 != second.split_sha256:
        raise ComparisonError(f"{a.name} and {b.name} were evaluated on different images")
    images = [image.name for image in first.per_image]
    if sorted(images) != sorted(image.name for image in second.per_image):
        raise ComparisonError(f"The reports of {a.name} and {b.name} list different images")
    matrices_a, matrices_b = _matrices(a, first, images, common), _matrices(b, second, images, common)
    blocks = block_of([{"name": image.name, "sequence": image.sequence} for image in first.per_image])
    scores = paired_differences(matrices_b, matrices_a, blocks)
    finer = tuple(one.name for one in (a, b) if not one.taxonomy.same_classes(common))
    return EvaluationDifferences(common, finer, first.dataset, first.split, len(images), scores)


def _evaluation_of(model: Evaluated) -> _Evaluation:
    try:
        evaluation = _Evaluation.model_validate((model.report or {}).get("evaluation"))
    except ValidationError as error:
        raise ComparisonError(f"The report of {model.name} has no scores of single images") from error
    if not evaluation.per_image:
        raise ComparisonError(f"The report of {model.name} has no scores of single images")
    return evaluation


def _matrices(model: Evaluated, evaluation: _Evaluation, images: Sequence[str], common: Taxonomy) -> Counts:
    """Confusion matrices of these images in this order and in the common classes, int64 [N, C, C]."""
    by_name = {image.name: image.confusion_matrix for image in evaluation.per_image}
    size = len(model.taxonomy.classes)
    if any([len(row) for row in matrix] != [size] * size for matrix in by_name.values()):
        raise ComparisonError(f"The confusion matrices in the report of {model.name} do not fit its classes")
    matrices = np.array([by_name[name] for name in images], np.int64)
    if not matrices.any():
        raise ComparisonError(f"The report of {model.name} counts no labelled pixel")
    places = grouping(model.taxonomy, common)
    if places is None or model.taxonomy.same_classes(common):
        return matrices
    return np.array([regrouped(matrix, places, len(common.classes)) for matrix in matrices], np.int64)
