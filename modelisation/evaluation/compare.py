"""`compare`: several models on one split, side by side, with what the data can tell of their differences."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from back.runtime.errors import UserError
from back.runtime.scores.bootstrap import BLOCK_FRAMES, block_of, paired_differences
from modelisation.evaluation.inference import InferenceOptions

SCHEMA_VERSION = 1


def compare_records(records: Sequence[dict[str, Any]], *, block_frames: int = BLOCK_FRAMES) -> dict[str, Any]:
    """Put evaluation records side by side.

    Args:
        records: as `evaluate` writes them, one a model.
        block_frames: frames of video that count as one independent block.

    Returns:
        The report: what was compared, `models` (each record with `label` and `worst_images`, without `per_image`),
        and `differences` of every pair with a bootstrap interval and a sentence.

    Raises:
        UserError: no records, or they are of different taxonomies, splits or images.
    """
    if not records:
        raise UserError("nothing to compare; name at least one model")
    first = records[0]
    for record in records[1:]:
        for key, what in (("taxonomy", "classes"), ("split_sha256", "splits"), ("images", "numbers of images")):
            if record[key] != first[key]:
                raise UserError(
                    f"{first['model']} and {record['model']} were scored on different {what} ({first[key]} and "
                    f"{record[key]}); evaluate both on the same split with the same taxonomy"
                )
        if list(record["class_iou"]) != list(first["class_iou"]):
            raise UserError(
                f"{first['model']} and {record['model']} were scored on other classes under one name "
                f"({first['taxonomy']}); evaluate both with the same classes"
            )
    labels = unique_labels(records)
    names = [image["name"] for image in first["per_image"]]
    blocks = block_of(first["per_image"], block_frames)
    matrices = [_matrices(record, names) for record in records]
    differences = []
    for i, j in combinations(range(len(records)), 2):
        difference = paired_differences(matrices[i], matrices[j], blocks).mean
        differences.append(
            {"a": labels[i], "b": labels[j]}
            | difference.as_json()
            | {"sentence": difference.sentence(labels[i], labels[j])}
        )
    return {
        "schema_version": SCHEMA_VERSION,
        **{key: first[key] for key in ("dataset", "split", "split_sha256", "taxonomy", "images")},
        "blocks": len(set(blocks)),
        "block_frames": block_frames,
        "models": [_summary(record, label) for record, label in zip(records, labels, strict=True)],
        "differences": differences,
    }


def unique_labels(records: Sequence[dict[str, Any]]) -> list[str]:
    """The models' names, with the inference where it is not the served one.

    Where two are equal, their weights' hash or their place in the list tells them apart.
    """
    names = [_name(record) for record in records]
    hashed = [
        n if names.count(n) == 1 else f"{n} {r['model_sha256'][:6]}" for n, r in zip(names, records, strict=True)
    ]
    return [n if hashed.count(n) == 1 else f"{n} #{i + 1}" for i, n in enumerate(hashed)]


def _name(record: dict[str, Any]) -> str:
    flip, window = (record["inference"][key] for key in ("flip", "sliding_window"))
    inference = InferenceOptions(flip, (window[0], window[1]) if window else None)
    return record["model"] if inference.served else f"{record['model']} {inference.label}"


def _matrices(record: dict[str, Any], names: Sequence[str]) -> np.ndarray:
    by_name = {image["name"]: image["confusion_matrix"] for image in record["per_image"]}
    if by_name.keys() != set(names):
        raise UserError(f"{record['model']} was scored on other images; evaluate the models on the same split")
    return np.array([by_name[name] for name in names], np.int64)


def _summary(record: dict[str, Any], label: str) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key != "per_image"}
    worst = [{"name": w["name"], "miou": w["miou"]} for w in worst_images(record, 5)]
    return {"label": label, **kept, "worst_images": worst}


def worst_images(record: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The images with the lowest mIoU, worst first."""
    scored = [image for image in record["per_image"] if image["miou"] is not None]
    return sorted(scored, key=lambda image: image["miou"])[:count]
