"""`evaluate`: a model's scores on one labelled split, through the runtime that serves it, at the photos' own size.

Everything streams: one confusion matrix, one histogram for the calibration; no scores of a split are kept. Photos are
read, labelled and counted several at a time (`photos.py`).
"""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import Counts
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.boundary import BoundaryIoU
from modelisation.evaluation.calibration import CalibrationError
from modelisation.evaluation.cityscapes_protocol import evaluate_folders
from modelisation.evaluation.coarser import group_scores
from modelisation.evaluation.cost import cost_of
from modelisation.evaluation.inference import InferenceOptions
from modelisation.evaluation.latency import measure_latency
from modelisation.evaluation.metrics import scores_of
from modelisation.evaluation.photos import PhotoScorer
from modelisation.outputs.mark import Mark, claim
from modelisation.provenance import git_state, package_versions

SCHEMA_VERSION = 1
LATENCY_PHOTOS = 8
# By these a JSON file is known as the record of an evaluation.
RECORD_KEYS = ("model_sha256", "split_sha256", "confusion_matrix", "per_image")


@dataclass(frozen=True)
class EvaluationOptions:
    """What to measure beside the scores of the confusion matrix.

    Attributes:
        inference: flip and sliding window; the default is what the service does.
        calibration: also the expected calibration error, at the temperature of the model's card.
        latency_runs: timed predictions; 0 leaves the latency out, and so does inference that the service does not do.
        predictions: folder for labelIds PNGs that the official Cityscapes script accepts (`cityscapes19` alone).
        progress: show a progress bar.
    """

    inference: InferenceOptions = field(default_factory=InferenceOptions)
    calibration: bool = False
    latency_runs: int = 50
    predictions: Path | None = None
    progress: bool = False


def evaluate(
    bundle: Path,
    dataset: SegmentationDataset,
    options: EvaluationOptions | None = None,
    *,
    predictor: Predictor | None = None,
) -> dict[str, Any]:
    """Score a model on a split.

    Args:
        bundle: the model's folder.
        dataset: the split, in the model's taxonomy.
        options: what else to measure.
        predictor: the bundle as loaded by the caller, with an engine of its choice; None loads it with the defaults.

    Returns:
        The JSON record: the scores of `scores_of`, `confusion_matrix` (rows truth, columns prediction), `boundary`,
        `calibration`, `per_image` (in the split's order), `latency`, `cost`, `lineage` and what was evaluated.

    Raises:
        UserError: the taxonomies differ, the split is empty, an option does not fit the model, or the folder for
            predictions is not ours.
        DatasetError, LabelValueError: a file of the split is at fault.
        BundleError: the bundle is.
    """
    options = options or EvaluationOptions()
    predictor = predictor or Predictor.load(bundle)
    _check(predictor, dataset, options)
    taxonomy = predictor.card.taxonomy
    classes = len(taxonomy.classes)
    total = np.zeros((classes, classes), np.int64)
    boundary, calibration = BoundaryIoU(classes), CalibrationError(classes)
    per_image: list[dict[str, Any]] = []
    sizes: list[tuple[int, int]] = []
    milliseconds: list[float] = []
    scorer = PhotoScorer(predictor, dataset, options.inference, options.calibration, options.predictions)
    with closing(scorer.score_all()) as scored:
        for index, one in enumerate(
            tqdm(scored, "evaluate", len(dataset), unit="image", disable=not options.progress)
        ):
            total += one.matrix
            boundary.count(one.outlines)
            if one.calibration is not None:
                calibration.count(one.calibration)
            milliseconds.append(one.milliseconds)
            per_image.append(_image_record(dataset, index, one.matrix))
            sizes.append((one.height, one.width))
    timed = options.latency_runs if options.inference.served else 0
    photos = latency_photos(dataset) if timed else []
    return {
        "schema_version": SCHEMA_VERSION,
        "model": predictor.card.name,
        "model_sha256": predictor.sha256,
        "dataset": dataset.dataset,
        "split": dataset.split,
        "split_sha256": dataset.split_sha256,
        **({"split_rule": dataset.split_rule} if dataset.split_rule else {}),
        "taxonomy": taxonomy.id,
        "images": len(dataset),
        "engine": f"{predictor.engine.name} {predictor.engine.precision}",
        "inference": {
            **options.inference.as_json(),
            "pixel_budget": predictor.pixel_budget,
            "ms_per_image": float(np.median(milliseconds)),
        },
        **scores_of(total, taxonomy),
        **({"groups": group_scores(total, taxonomy)} if taxonomy.groups else {}),
        "confusion_matrix": total.tolist(),
        "boundary": boundary.scores(taxonomy),
        "calibration": calibration.scores(taxonomy) if options.calibration else None,
        "cityscapes": _official(dataset, options),
        "latency": measure_latency(bundle, predictor, photos, timed) if timed else None,
        "cost": cost_of(bundle, predictor, sizes[0]),
        "lineage": git_state() | {"packages": package_versions(), "training": _training(predictor)},
        "per_image": per_image,
    }


def latency_photos(dataset: SegmentationDataset) -> list[npt.NDArray[np.uint8]]:
    """The first photos of a split, uint8 [H, W, 3], which are served when a latency is measured."""
    return [dataset[i].image for i in range(min(len(dataset), LATENCY_PHOTOS))]


def _check(predictor: Predictor, dataset: SegmentationDataset, options: EvaluationOptions) -> None:
    card = predictor.card
    if not dataset.taxonomy.same_classes(card.taxonomy):
        raise UserError(
            f"{card.name} predicts {card.taxonomy.id} but the split is labelled in {dataset.taxonomy.id}; "
            f"open the data with taxonomy {card.taxonomy.id}"
        )
    if not len(dataset):
        raise UserError(f"split {dataset.split} of {dataset.dataset} holds no images; nothing can be scored")
    if options.predictions is not None and card.taxonomy.id != "cityscapes19":
        raise UserError(
            f"{card.name} predicts {card.taxonomy.id}; the official Cityscapes protocol needs the 19 classes of "
            "cityscapes19"
        )
    if options.predictions is not None:
        claim(options.predictions, Mark(kind="predictions"), [item.label for item in dataset.items])


def _image_record(dataset: SegmentationDataset, index: int, matrix: Counts) -> dict[str, Any]:
    scores = scores_of(matrix, dataset.taxonomy)
    item = dataset.items[index]
    return {
        "name": item.name,
        "sequence": item.sequence,
        "miou": scores["miou"],
        "pixel_accuracy": scores["pixel_accuracy"],
        "confusion_matrix": matrix.tolist(),
    }


def _official(dataset: SegmentationDataset, options: EvaluationOptions) -> dict[str, Any] | None:
    if options.predictions is None:
        return None
    ground_truth = dataset.items[0].label.parents[1]
    return evaluate_folders(ground_truth, options.predictions, progress=options.progress)


def _training(predictor: Predictor) -> dict[str, Any] | None:
    record = predictor.card.training
    return record.model_dump(mode="json") if record else None
