"""Scores of models with different classes, where one set groups the other: counted in the coarser one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from back.runtime.errors import UserError
from back.runtime.scores.confusion import Counts, regrouped
from back.runtime.taxonomy import ClassInfo, Taxonomy, common_of, grouping
from modelisation.evaluation.metrics import scores_of


def common_taxonomy(models: Sequence[str], taxonomies: Sequence[Taxonomy]) -> Taxonomy:
    """The class set in which all models can be set side by side.

    Raises:
        UserError: there is none: no set of one model groups those of the others.
    """
    common = common_of(taxonomies)
    if common is None:
        sets = dict.fromkeys(f"{model}: {one.id}" for model, one in zip(models, taxonomies, strict=True))
        raise UserError(
            f"the models predict different classes ({', '.join(sets)}), and none of these sets groups the others; "
            "compare models of one set"
        )
    return common


def counted_in(record: dict[str, Any], fine: Taxonomy, coarse: Taxonomy) -> dict[str, Any]:
    """An evaluation record in the classes of a coarser set; what matrices cannot tell (outlines) is None."""
    places = grouping(fine, coarse)
    if places is None:
        raise UserError(f"{record['model']}: {coarse.id} does not group the classes of {fine.id}")
    if fine.same_classes(coarse):
        return record
    size = len(coarse.classes)
    total = regrouped(np.array(record["confusion_matrix"], np.int64), places, size)
    return {
        **record,
        **scores_of(total, coarse),
        "taxonomy": coarse.id,
        "counted_from": fine.id,
        "confusion_matrix": total.tolist(),
        "boundary": {"boundary_iou": None, "class_boundary_iou": dict.fromkeys(coarse.names)},
        "calibration": None,
        "per_image": [_image(image, places, coarse) for image in record["per_image"]],
    }


def group_scores(matrix: Counts, taxonomy: Taxonomy) -> dict[str, dict[str, Any]]:
    """Scores in each of a set's own groupings: coarser set -> `miou`, `pixel_accuracy` and `class_iou`."""
    found = {}
    for name, groups in taxonomy.groups.items():
        infos = tuple(ClassInfo(id=i, name=group, color=(0, 0, 0)) for i, group in enumerate(groups))
        if len(infos) < 2:
            continue
        coarse = Taxonomy(id=name, classes=infos)
        scores = scores_of(regrouped(matrix, grouping(taxonomy, coarse) or (), len(infos)), coarse)
        found[name] = {key: scores[key] for key in ("miou", "pixel_accuracy", "class_iou")}
    return found


def _image(image: dict[str, Any], places: Sequence[int], coarse: Taxonomy) -> dict[str, Any]:
    matrix = regrouped(np.array(image["confusion_matrix"], np.int64), places, len(coarse.classes))
    scores = scores_of(matrix, coarse)
    return image | {key: scores[key] for key in ("miou", "pixel_accuracy")} | {"confusion_matrix": matrix.tolist()}
