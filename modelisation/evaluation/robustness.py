"""`robustness`: how much of its mIoU a model loses on darker, softer, noisier, tilted or rescaled photos.

Measured like everything else: through the served runtime, at the photo's full resolution.
"""

from typing import Any

import numpy as np
from tqdm import tqdm

from back.runtime.card import Card
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import Counts, confusion_matrix
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.metrics import scores_of
from modelisation.evaluation.perturbations import perturbations
from modelisation.provenance import git_state

SCHEMA_VERSION = 1
SEED = 0


def measure_robustness(
    predictor: Predictor, dataset: SegmentationDataset, *, seed: int = SEED, progress: bool = False
) -> dict[str, Any]:
    """Score a model on a split as it is and under every perturbation of `modelisation.evaluation.perturbations`.

    Args:
        predictor: the served runtime.
        dataset: the split, in the model's taxonomy.
        seed: of the noise; every picture draws from its own stream, so that the order does not matter.
        progress: show a progress bar.

    Returns:
        The JSON report: what was measured, `clean_miou`, and `perturbations`: name -> `miou` (0..1) and `points_lost`
        (hundredths of mIoU less than on the clean pictures; negative where the perturbation helps).

    Raises:
        UserError: the taxonomies differ, or the split has no pixel that counts.
        DatasetError, LabelValueError: a file of the split is at fault.
    """
    card = predictor.card
    if not dataset.taxonomy.same_classes(card.taxonomy):
        raise UserError(
            f"{card.name} predicts {card.taxonomy.id} but the split is labelled in {dataset.taxonomy.id}; "
            f"open the data with taxonomy {card.taxonomy.id}"
        )
    matrices = _matrices(predictor, dataset, seed, progress)
    miou = {name: scores_of(matrix, card.taxonomy)["miou"] for name, matrix in matrices.items()}
    if any(value is None for value in miou.values()):
        raise UserError(f"split {dataset.split} of {dataset.dataset} holds no labelled pixel; choose another")
    clean = miou.pop(_CLEAN)
    return {
        "schema_version": SCHEMA_VERSION,
        "model_sha256": predictor.sha256,
        "dataset": dataset.dataset,
        "split": dataset.split,
        "split_sha256": dataset.split_sha256,
        "images": len(dataset),
        "engine": f"{predictor.engine.name} {predictor.engine.precision}",
        "pixel_budget": predictor.pixel_budget,
        "seed": seed,
        "clean_miou": clean,
        "perturbations": {
            name: {"miou": value, "points_lost": 100 * (clean - value)} for name, value in miou.items()
        },
        "lineage": git_state(),
    }


_CLEAN = "clean"


def _matrices(predictor: Predictor, dataset: SegmentationDataset, seed: int, progress: bool) -> dict[str, Counts]:
    taxonomy = predictor.card.taxonomy
    classes = len(taxonomy.classes)
    red, green, blue = (round(255 * mean) for mean in predictor.card.input.mean)
    changes = perturbations((red, green, blue), taxonomy.ignore_index)
    matrices = {name: np.zeros((classes, classes), np.int64) for name in (_CLEAN, *changes)}
    with tqdm(total=len(dataset) * len(matrices), desc="robustness", unit="image", disable=not progress) as bar:
        for index in range(len(dataset)):
            sample = dataset[index]
            if index == 0:
                predictor.prepare(*sample.label.shape)
            for name in matrices:
                image, label = sample.image, sample.label
                if name != _CLEAN:
                    image, label = changes[name](image, label, np.random.default_rng((seed, index)))
                labels = predictor.predict_array(image).labels_HW
                matrices[name] += confusion_matrix(label, labels, classes, taxonomy.ignore_index)
                bar.update()
    return matrices


def check_split(card: Card, dataset: SegmentationDataset) -> None:
    """A card's table stands beside its scores, so both are of one split."""
    if card.metrics is not None and card.metrics.split_sha256 != dataset.split_sha256:
        raise UserError(
            f"{card.name}'s card reports {card.metrics.dataset} {card.metrics.split}; measure the same split, or add "
            "--no-store"
        )
