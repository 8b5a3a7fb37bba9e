"""What an evaluation tells in the end: `result.json` for programs and pages, and `pictures.csv` for a table."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from back.runtime.evaluation.score import ModelScores, Scored
from back.runtime.evaluation.slices import (
    blocks_of,
    cuts_of,
    interval_json,
    summary_of,
    whole_matrices,
)
from back.runtime.scores.bootstrap import LEVEL, MIN_BLOCKS, paired_differences, pooled_miou
from back.runtime.scores.confusion import Counts, class_ious, mean_of, pixel_accuracy
from back.runtime.taxonomy import Taxonomy

SCHEMA_VERSION = 1
_MOST_CELLS = 60  # of one picture's confusion, the largest first


def result_of(
    scored: Sequence[Scored], taxonomy: Taxonomy, columns: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The scores of all pictures together, of slices of them, and of each.

    Args:
        scored: at least one.
        taxonomy: the classes in which all models are counted.
        columns: as `read_columns` gives them.
    """
    matrices = whole_matrices(scored)
    blocks = blocks_of(scored)
    return {
        "schema_version": SCHEMA_VERSION,
        "taxonomy": taxonomy.id,
        "classes": [{"name": c.name, "color": list(c.color)} for c in taxonomy.classes],
        "level": LEVEL,
        "min_blocks": MIN_BLOCKS,
        "blocks": len(set(blocks)),
        "scores": [_scores(single, blocks) for single in matrices],
        "difference": _difference(matrices, scored) if len(matrices) > 1 else None,
        "cuts": [summary_of(cut) for cut in cuts_of(scored, columns)],
        "pictures": [_picture(one, columns) for one in scored],
    }


def table_of(result: Mapping[str, Any], models: Sequence[str]) -> bytes:
    """A row a picture: name, clip, size, brightness, and each model's scores."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    measures = ("error_share", "miou", "log_loss")
    titles = ["name", "clip", "width", "height", "brightness", "labelled_pixels"]
    writer.writerow([*titles, *(f"{m} {name}" for name in models for m in measures), "disagreement"])
    for row in result["pictures"]:
        facts = [_plain(row["name"]), _plain(row["clip"]), row["width"], row["height"], f"{row['brightness']:.4f}"]
        scores = [_digits(one[m]) for one in row["scores"] for m in measures]
        writer.writerow([*facts, row["labelled"], *scores, _digits(row["disagreement"])])
    return out.getvalue().encode()


def _scores(matrices: Counts, blocks: Sequence[int]) -> dict[str, Any]:
    total = matrices.sum(0)
    return {
        "miou": interval_json(pooled_miou(matrices, blocks)),
        "pixel_accuracy": pixel_accuracy(total),
        "class_iou": class_ious(total),
        "confusion_matrix": total.tolist(),
    }


def _difference(matrices: Counts, scored: Sequence[Scored]) -> dict[str, Any]:
    """Of the second model less the first."""
    found = paired_differences(matrices[1], matrices[0], blocks_of(scored))
    return {
        "mean": interval_json(found.mean),
        "classes": [interval_json(one) for one in found.classes],
    }


def _picture(one: Scored, columns: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        "number": one.number,
        "name": one.name,
        "clip": one.sequence,
        "width": one.width,
        "height": one.height,
        "labelled": int(one.models[0].matrix.sum()),
        "brightness": one.brightness,
        "disagreement": one.disagreement,
        "columns": {title: values[one.name] for title, values in columns.items() if one.name in values},
        "scores": [_picture_scores(scores) for scores in one.models],
    }


def _picture_scores(scores: ModelScores) -> dict[str, Any]:
    matrix = scores.matrix
    accuracy = pixel_accuracy(matrix)
    rows, columns = np.nonzero(matrix)
    cells = sorted(
        ([int(r), int(c), int(matrix[r, c])] for r, c in zip(rows, columns, strict=True)), key=lambda cell: -cell[2]
    )
    return {
        "error_share": None if accuracy is None else 1 - accuracy,
        "miou": mean_of(class_ious(matrix)),
        "log_loss": scores.log_loss,
        "cells": cells[:_MOST_CELLS],
    }


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _plain(text: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
