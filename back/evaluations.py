"""The evaluations that bundles carry in their reports, two of them side by side. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, NonNegativeInt, ValidationError

from back.runtime.scores.bootstrap import Differences, block_of, paired_differences
from back.runtime.scores.confusion import Counts

Report = Mapping[str, Any]


class ComparisonError(ValueError):
    """Two evaluations that cannot be compared image by image: says why, to stand after a colon."""


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
    """Where two models were scored, and how far their scores are apart there."""

    taxonomy: str
    dataset: str
    split: str
    images: int
    scores: Differences


def differences_of(
    a: Report | None, b: Report | None, names_a: Sequence[str], names_b: Sequence[str]
) -> EvaluationDifferences:
    """Scores of B less those of A, with intervals of a paired block bootstrap.

    Args:
        a: report of model A's bundle; None where it has none.
        b: of model B's.
        names_a: names of A's classes, in the order of its confusion matrices.
        names_b: of B's.

    Raises:
        ComparisonError: the reports hold no scores of single images, or these are not of the same images and classes.
    """
    first, second = _evaluation_in(a), _evaluation_in(b)
    if first.taxonomy != second.taxonomy or list(names_a) != list(names_b):
        raise ComparisonError("they were evaluated on different class sets")
    if first.split_sha256 != second.split_sha256:
        raise ComparisonError("they were evaluated on different images")
    images = [image.name for image in first.per_image]
    if sorted(images) != sorted(image.name for image in second.per_image):
        raise ComparisonError("their reports list different images")
    matrices_a, matrices_b = (_matrices(evaluation, images, len(names_a)) for evaluation in (first, second))
    blocks = block_of([{"name": image.name, "sequence": image.sequence} for image in first.per_image])
    scores = paired_differences(matrices_b, matrices_a, blocks)
    if np.isnan(scores.mean.estimate):
        raise ComparisonError("a report counts no labelled pixel")
    return EvaluationDifferences(first.taxonomy, first.dataset, first.split, len(images), scores)


def _evaluation_in(report: Report | None) -> _Evaluation:
    try:
        evaluation = _Evaluation.model_validate((report or {}).get("evaluation"))
    except ValidationError as error:
        raise ComparisonError("a report has no scores of single images") from error
    if not evaluation.per_image:
        raise ComparisonError("a report has no scores of single images")
    return evaluation


def _matrices(evaluation: _Evaluation, images: Sequence[str], classes: int) -> Counts:
    """Confusion matrices of these images in this order, int64 [N, C, C]."""
    by_name = {image.name: image.confusion_matrix for image in evaluation.per_image}
    if any([len(row) for row in matrix] != [classes] * classes for matrix in by_name.values()):
        raise ComparisonError("a report's confusion matrices do not fit the model's classes")
    return np.array([by_name[name] for name in images], np.int64)
