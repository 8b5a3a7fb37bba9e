"""An evaluation record as text: what it says beside the tables."""

from typing import Any

import pytest

from modelisation.reports.comparison import markdown
from modelisation.reports.evaluation import doubt_labels, format_record


def record(**changes: Any) -> dict[str, Any]:
    return {
        "model": "segformer",
        "dataset": "mine",
        "split": "val",
        "images": 3,
        "engine": "openvino fp32",
        "inference": {"ms_per_image": 10.0, "flip": False, "sliding_window": None, "pixel_budget": 1000},
        "miou": 0.05,
        "miou_8": 0.05,
        "miou_7": 0.04,
        "pixel_accuracy": 0.19,
        "boundary": {"boundary_iou": 0.01},
        "class_iou": {"road": 0.05, "sky": 0.05},
        "classes_without_pixels": [],
        "calibration": None,
        "cityscapes": None,
        "latency": None,
        "per_image": [],
    } | changes


def test_scores_of_chance_with_every_class_present_put_the_labels_in_doubt() -> None:
    text = format_record(record())
    assert (
        "A pixel accuracy of 19.00 % with every class present is that of chance: the labels may be in another" in text
    )


@pytest.mark.parametrize(
    "changes", [{"pixel_accuracy": 0.2}, {"classes_without_pixels": ["sky"]}, {"pixel_accuracy": None, "miou": None}]
)
def test_other_low_scores_do_not(changes: dict[str, Any]) -> None:
    assert doubt_labels(record(**changes)) is None


@pytest.mark.parametrize(("accuracy", "doubted"), [(0.1, True), (0.9, False)])
def test_a_comparison_doubts_the_labels_once(accuracy: float, doubted: bool) -> None:
    models = [
        record(
            label=label,
            pixel_accuracy=accuracy,
            cost={"parameters": 1, "multiply_adds": 1, "file_size_bytes": 1},
            lineage={"training": None, "git_dirty": False, "git_commit": "0" * 40},
            model_sha256="0" * 64,
            worst_images=[],
        )
        for label in ("a", "b")
    ]
    report = {"dataset": "mine", "split": "val", "images": 3, "blocks": 1, "taxonomy": "street8",
              "split_sha256": "0" * 64, "models": models, "differences": []}  # fmt: skip
    assert markdown(report, {}).count("is that of chance") == doubted
