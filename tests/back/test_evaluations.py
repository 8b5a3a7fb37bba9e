"""Two models' evaluation records side by side: what is subtracted, and what is refused with which reason."""

import copy
from typing import Any

import numpy as np
import pytest

from back.evaluations import ComparisonError, Evaluated, EvaluationDifferences, differences_of
from back.runtime.scores.bootstrap import paired_differences
from back.runtime.taxonomy import CITYSCAPES19, REMAPS, STREET8


def compared(a: dict[str, Any] | None, b: dict[str, Any] | None) -> EvaluationDifferences:
    """The differences of two street8 models, called `first` and `second`."""
    return differences_of(Evaluated("first", a, STREET8), Evaluated("second", b, STREET8))


def report(quality: float, images: int = 12) -> dict[str, Any]:
    """A bundle's report whose evaluation has scores of single images, two a clip."""
    rng = np.random.default_rng(int(100 * quality))
    records = []
    for i in range(images):
        matrix = rng.integers(0, int(1000 * (1 - quality)), (8, 8))
        np.fill_diagonal(matrix, rng.integers(2000, 4000, 8))
        records.append(
            {"name": f"scene_{i:03}", "sequence": f"clip{i // 2}", "confusion_matrix": matrix.tolist(), "miou": 0.5}
        )
    evaluation = {"dataset": "scenes", "split": "val", "split_sha256": "ab" * 32, "taxonomy": "street8"}
    return {"schema_version": 1, "parity": None, "evaluation": {**evaluation, "per_image": records}}


def without_class(given: dict[str, Any], index: int) -> dict[str, Any]:
    """The report of a split that has no pixel of a class."""
    changed = copy.deepcopy(given)
    for image in changed["evaluation"]["per_image"]:
        matrix = np.array(image["confusion_matrix"])
        matrix[index] = matrix[:, index] = 0
        image["confusion_matrix"] = matrix.tolist()
    return changed


def changed(given: dict[str, Any], **changes: object) -> dict[str, Any]:
    return given | {"evaluation": given["evaluation"] | changes}


def test_b_less_a_over_the_clips() -> None:
    a, b = report(0.6), report(0.8)
    found = compared(a, b)
    matrices = [np.array([i["confusion_matrix"] for i in r["evaluation"]["per_image"]]) for r in (b, a)]
    assert found.scores == paired_differences(*matrices, [i // 2 for i in range(12)])
    assert (found.taxonomy, found.dataset, found.split, found.images) == (STREET8, "scenes", "val", 12)
    assert found.scores.mean.low is not None
    assert found.scores.mean.low > 0


def test_a_model_does_not_differ_from_itself() -> None:
    scores = compared(report(0.6), report(0.6)).scores
    assert {(d.estimate, d.low, d.high) for d in (scores.mean, *scores.classes) if d is not None} == {(0, 0, 0)}


def test_images_are_paired_by_name_in_whatever_order_they_are_listed() -> None:
    a, b = report(0.6), report(0.8)
    turned = changed(b, per_image=b["evaluation"]["per_image"][::-1])
    assert compared(a, turned) == compared(a, b)


def test_a_class_that_neither_record_has_is_left_out() -> None:
    found = compared(without_class(report(0.6), 7), without_class(report(0.8), 7))
    assert [d is None for d in found.scores.classes] == [False] * 7 + [True]


def test_one_short_clip_gives_differences_without_intervals() -> None:
    a, b = report(0.6), report(0.8)
    for side in (a, b):
        for image in side["evaluation"]["per_image"]:
            image["sequence"] = "only"
    mean = compared(a, b).scores.mean
    assert (mean.blocks, mean.low, mean.high) == (1, None, None)
    assert mean.estimate > 0


_IMAGES = report(0.8)["evaluation"]["per_image"]
_NOTHING = [image | {"confusion_matrix": np.zeros((8, 8), int).tolist()} for image in _IMAGES]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"split_sha256": "other"}, "first and second were evaluated on different images"),
        ({"taxonomy": "cityscapes19"}, "first and second were evaluated on different class sets"),
        ({"per_image": None}, "The report of second has no scores of single images"),
        ({"per_image": []}, "The report of second has no scores of single images"),
        ({"per_image": [{"name": "a"}]}, "The report of second has no scores of single images"),
        ({"per_image": _IMAGES[1:]}, "The reports of first and second list different images"),
        (
            {"per_image": [_IMAGES[0] | {"name": "x"}, *_IMAGES[1:]]},
            "The reports of first and second list different images",
        ),
        ({"per_image": [*_IMAGES[:-1], _IMAGES[0]]}, "The reports of first and second list different images"),
        (
            {"per_image": [i | {"confusion_matrix": [[1]]} for i in _IMAGES]},
            "in the report of second do not fit its classes",
        ),
        (
            {"per_image": [_IMAGES[0] | {"confusion_matrix": [[1]]}, *_IMAGES[1:]]},
            "in the report of second do not fit its classes",
        ),
        ({"per_image": _NOTHING}, "The report of second counts no labelled pixel"),
    ],
)
def test_what_cannot_be_subtracted_says_why(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ComparisonError, match=reason):
        compared(report(0.8), changed(report(0.8), **change))


@pytest.mark.parametrize("empty", [None, {}, {"evaluation": None}, {"evaluation": []}])
def test_a_bundle_without_an_evaluation_has_no_scores(empty: dict[str, Any] | None) -> None:
    with pytest.raises(ComparisonError, match="no scores of single images"):
        compared(empty, report(0.6))


def test_classes_of_other_names_are_another_class_set() -> None:
    with pytest.raises(ComparisonError, match="different class sets"):
        differences_of(Evaluated("first", report(0.6), STREET8), Evaluated("second", report(0.6), CITYSCAPES19))


def test_a_finer_model_is_counted_in_the_coarser_classes() -> None:
    fine = report(0.7)
    fine["evaluation"]["taxonomy"] = "cityscapes19"
    rng = np.random.default_rng(0)
    for image in fine["evaluation"]["per_image"]:
        image["confusion_matrix"] = rng.integers(0, 99, (19, 19)).tolist()
    found = differences_of(Evaluated("nineteen", fine, CITYSCAPES19), Evaluated("eight", report(0.8), STREET8))
    assert (found.taxonomy, found.finer) == (STREET8, ("nineteen",))
    assert len(found.scores.classes) == 8
    coarse = copy.deepcopy(fine)
    places = REMAPS["cityscapes19"]["street8"]
    for image in coarse["evaluation"]["per_image"]:
        matrix = np.zeros((8, 8), np.int64)
        for i, j in np.ndindex(19, 19):
            matrix[places[i], places[j]] += image["confusion_matrix"][i][j]
        image["confusion_matrix"] = matrix.tolist()
    coarse["evaluation"]["taxonomy"] = "street8"
    assert found.scores == compared(coarse, report(0.8)).scores
