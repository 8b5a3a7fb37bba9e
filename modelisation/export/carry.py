"""How far a model carries: its scores on pictures that are not of the kind it was trained on. Needs no torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from back.runtime.card import HISTORY_FILE
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import confusion_matrix
from back.runtime.taxonomy import RemapError, apply_remap, remap_for
from modelisation.evaluation.metrics import scores_of
from modelisation.export.bundle import store_result
from modelisation.scenes.render import render_scene

CARRY = "carry"
# (width, height) of the rendered scenes: like CamVid's frames, like Cityscapes', and of a wide lens like KITTI's.
SHAPES = ((480, 360), (1024, 512), (1242, 375))
SCENES = 12  # of each shape
_FIRST_SEED = 970_000_000  # far from those that training takes
TEACHER_METRIC = "teacher_miou"


def measure_carry(predictor: Predictor, bundle: Path, *, progress: bool = False) -> dict[str, float]:
    """Mean IoU on other pictures, 0..1, by what they are; through the served runtime.

    Rendered scenes of three shapes, whose cameras, light and weather differ from scene to scene; and the agreement
    with the teacher on photos that were held out from training, where the run that made the bundle had some.

    Args:
        predictor: the served runtime.
        bundle: its folder, whose history holds that agreement.
        progress: show a progress bar.
    """
    measured: dict[str, float] = {}
    taxonomy = predictor.card.taxonomy
    try:
        remap = remap_for("cityscapes_label_ids", taxonomy.id)
    except RemapError:
        remap = None  # classes that scenes do not show
    classes = len(taxonomy.classes)
    with tqdm(total=len(SHAPES) * SCENES, desc="how far it carries", unit="scene", disable=not progress) as bar:
        for shape, (width, height) in enumerate(SHAPES if remap is not None else ()):
            matrix = np.zeros((classes, classes), np.int64)
            for i in range(SCENES):
                scene = render_scene(_FIRST_SEED + SCENES * shape + i, height, width)
                label = apply_remap(scene.label_ids, remap or {})
                labels = predictor.predict_array(scene.image).labels_HW
                matrix += confusion_matrix(label, labels, classes, taxonomy.ignore_index)
                bar.update()
            measured[f"rendered scenes, {width} × {height}"] = float(scores_of(matrix, taxonomy)["miou"])
    agreement = _last_metric(bundle, TEACHER_METRIC)
    if agreement is not None:
        measured["photos of other cameras, agreement with the teacher"] = agreement
    return {name: round(value, 4) for name, value in measured.items()}


def store_carry(bundle: Path, measured: dict[str, float]) -> None:
    """Write the scores into the bundle's card and report."""
    store_result(bundle, CARRY, {"miou": measured, "scenes": SCENES, "first_seed": _FIRST_SEED}, carries=measured)


def _last_metric(bundle: Path, name: str) -> float | None:
    try:
        history: dict[str, Any] = json.loads((bundle / HISTORY_FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    points = history.get("metrics", {}).get(name) or []
    return float(points[-1][1]) if points else None
