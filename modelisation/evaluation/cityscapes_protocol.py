"""The official Cityscapes pixel-level protocol: 19 classes, 7 categories, and iIoU weighted by instance size.

Definitions follow the published benchmark (Cordts et al., "The Cityscapes Dataset", CVPR 2016, section 4.2) and agree
with its evaluation script to the last digit. Pixels are counted and IoU is worked out as for every other split. iIoU
divides each instance's pixels by its size and multiplies them by the class's average size, so that small instances
weigh as much as large ones; false positives stay unweighted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.scores.confusion import Counts, Labels, class_ious, count_pairs, mean_of
from back.runtime.taxonomy import CITYSCAPES7, CITYSCAPES19, CITYSCAPES_TRAIN_LABEL_IDS

LABEL_IDS = 34
CLASS_NAMES = dict(zip(CITYSCAPES_TRAIN_LABEL_IDS, CITYSCAPES19.names, strict=True))
# Evaluated labelIds of each category.
CATEGORIES = dict(
    zip(
        CITYSCAPES7.names,
        ((7, 8), (11, 12, 13), (17, 19, 20), (21, 22), (23,), (24, 25), (26, 27, 28, 31, 32, 33)),
        strict=True,
    )
)
# Categories all of whose labels have instances; caravan (29) and trailer (30) count as vehicle where predicted.
INSTANCE_CATEGORIES = {"human": (24, 25), "vehicle": tuple(range(26, 34))}
# Average instance size in pixels over the training set, as the benchmark publishes it.
AVERAGE_SIZES = {
    24: 3462.4756337644,
    25: 3930.4788056518,
    26: 12794.0202738185,
    27: 27855.1264367816,
    28: 35732.1511111111,
    31: 67583.7075812274,
    32: 6298.7200839748,
    33: 4672.3249222261,
}
# What iIoU is counted for: labelIds and categories.
WEIGHTED_KEYS: tuple[int | str, ...] = (*AVERAGE_SIZES, *INSTANCE_CATEGORIES)
# int64 [34, 8]: 1 where a labelId belongs to a category; the last column is for those that are never evaluated.
_UNGROUPED = tuple(set(range(LABEL_IDS)).difference(*CATEGORIES.values()))
_CATEGORY_OF = np.array(
    [[i in ids for ids in (*CATEGORIES.values(), _UNGROUPED)] for i in range(LABEL_IDS)], np.int64
)
_OUTSIDE = "{} holds values outside the labelIds 0..33; write labelIds, not trainIds"


class ProtocolError(UserError):
    """Label maps or names that the protocol does not know: says which and what to do."""


@dataclass
class CityscapesProtocol:
    """Streams pairs of label maps and gives the official scores.

    Example:
        >>> protocol = CityscapesProtocol()
        >>> road = np.full((2, 2), 7, np.uint8)
        >>> protocol.add(road, road, np.full((2, 2), 7, np.uint16))
        >>> protocol.scores()["classes"]["road"]["iou"]
        1.0
    """

    matrix: Counts = field(default_factory=lambda: np.zeros((LABEL_IDS, LABEL_IDS), np.int64))
    weighted: dict[int | str, list[float]] = field(default_factory=lambda: {key: [0.0, 0.0] for key in WEIGHTED_KEYS})
    has_instances: bool = False

    def add(self, truth: Labels, prediction: Labels, instances: npt.NDArray[np.integer[Any]] | None = None) -> None:
        """Count one image.

        Args:
            truth: uint8 [H, W] labelIds.
            prediction: uint8 [H, W] labelIds.
            instances: [H, W] instanceIds (labelId * 1000 + number where there are instances), for iIoU.

        Raises:
            ProtocolError: the sizes differ or a value is no labelId.
        """
        if not truth.shape == prediction.shape == (truth if instances is None else instances).shape:
            raise ProtocolError(f"truth {truth.shape}, prediction {prediction.shape} and instances differ in size")
        pairs = count_pairs(_eight_bit(truth, "truth"), _eight_bit(prediction, "prediction"))
        counted = pairs[:LABEL_IDS, :LABEL_IDS]
        if counted.sum() != pairs.sum():
            side = "truth" if pairs[LABEL_IDS:].any() else "prediction"
            raise ProtocolError(_OUTSIDE.format(side))
        self.matrix += counted
        if instances is not None:
            self.has_instances = True
            self._add_instances(prediction, instances)

    def _add_instances(self, prediction: Labels, instances: npt.NDArray[np.integer[Any]]) -> None:
        belongs = instances > 1000
        values, inverse, sizes = np.unique(instances[belongs], return_inverse=True, return_counts=True)
        # One pass over the instance pixels: row = instance, column = predicted labelId.
        codes = inverse.astype(np.int64) * LABEL_IDS + prediction[belongs]
        hits = np.bincount(codes, minlength=len(values) * LABEL_IDS).reshape(-1, LABEL_IDS)
        for value, size, row in zip(values.tolist(), sizes.tolist(), hits, strict=True):
            label = value // 1000
            if label not in AVERAGE_SIZES:
                continue
            weight = AVERAGE_SIZES[label] / float(size)
            category = next(name for name, ids in INSTANCE_CATEGORIES.items() if label in ids)
            for key, found in ((label, row[label]), (category, row[list(INSTANCE_CATEGORIES[category])].sum())):
                self.weighted[key][0] += float(found) * weight
                self.weighted[key][1] += float(size - found) * weight

    def scores(self) -> dict[str, Any]:
        """The official scores, fractions 0..1; None where there is nothing to score.

        Returns:
            `classes` and `categories`: name -> {"iou", "iiou"}; `miou_classes`, `miiou_classes`, `miou_categories`,
            `miiou_categories`: their means over what is there.
        """
        # Pixels that the protocol ignores in the truth do not count; as predictions of other pixels they are wrong.
        evaluated = np.zeros_like(self.matrix)
        evaluated[list(CLASS_NAMES)] = self.matrix[list(CLASS_NAMES)]
        class_iou = class_ious(evaluated)
        category_iou = class_ious(_CATEGORY_OF.T @ evaluated @ _CATEGORY_OF)
        classes = {
            name: {"iou": class_iou[i], "iiou": self._iiou(i, (i,), (i,)) if i in AVERAGE_SIZES else None}
            for i, name in CLASS_NAMES.items()
        }
        categories = {
            name: {
                "iou": category_iou[i],
                "iiou": self._iiou(name, INSTANCE_CATEGORIES[name], ids) if name in INSTANCE_CATEGORIES else None,
            }
            for i, (name, ids) in enumerate(CATEGORIES.items())
        }
        return {
            "classes": classes,
            "categories": categories,
            "miou_classes": mean_of(v["iou"] for v in classes.values()),
            "miiou_classes": mean_of(v["iiou"] for v in classes.values()),
            "miou_categories": mean_of(v["iou"] for v in categories.values()),
            "miiou_categories": mean_of(v["iiou"] for v in categories.values()),
        }

    def _false_positives(self, predicted: Sequence[int], own: Sequence[int]) -> int:
        others = [i for i in CITYSCAPES_TRAIN_LABEL_IDS if i not in own]
        return int(self.matrix[np.ix_(others, list(predicted))].sum())

    def _iiou(self, key: int | str, predicted: Sequence[int], own: Sequence[int]) -> float | None:
        if not self.has_instances:
            return None
        hits, missed = self.weighted[key]
        union = hits + missed + self._false_positives(predicted, own)
        return hits / union if union else None


def _eight_bit(labels: npt.NDArray[Any], side: str) -> Labels:
    """A map as uint8; a 16-bit PNG is read as such, and its values may still be labelIds."""
    if labels.dtype == np.uint8:
        return labels
    if labels.size and not 0 <= labels.min() <= labels.max() < LABEL_IDS:
        raise ProtocolError(_OUTSIDE.format(side))
    return labels.astype(np.uint8)


def to_label_ids(prediction: Labels) -> Labels:
    """trainIds (`cityscapes19`) to labelIds, uint8 of the same shape; 255 becomes 0 (unlabeled)."""
    table = np.zeros(256, np.uint8)
    table[: len(CITYSCAPES_TRAIN_LABEL_IDS)] = CITYSCAPES_TRAIN_LABEL_IDS
    return table[prediction]


def write_label_ids(prediction: Labels, name: str, folder: Path) -> Path:
    """Write a `cityscapes19` label map as the PNG that the official script looks for.

    Args:
        prediction: uint8 [H, W] trainIds.
        name: `<city>_<sequence>_<frame>`, with or without a folder before and a suffix behind.
        folder: where to write; made if missing.

    Raises:
        ProtocolError: the name is not a Cityscapes name.
    """
    parts = Path(name).stem.split("_")
    if len(parts) < 3 or not (parts[1].isdigit() and parts[2].isdigit()):
        raise ProtocolError(f"{name}: not a Cityscapes name (<city>_<sequence>_<frame>); the script cannot pair it")
    path = folder / f"{'_'.join(parts[:3])}_pred_labelIds.png"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_label_ids(prediction)).save(path)
    return path


def evaluate_folders(ground_truth: Path, predictions: Path, *, progress: bool = False) -> dict[str, Any]:
    """Official scores of written labelIds PNGs.

    Args:
        ground_truth: a split's folder, `gtFine/val`, holding `<city>/*_gtFine_labelIds.png` and `_instanceIds.png`.
        predictions: folder of PNGs named `<city>_<sequence>_<frame>*.png`, searched with its subfolders.
        progress: show a progress bar.

    Raises:
        FileNotFoundError: there is no ground truth, or a prediction is missing.
        ProtocolError: a size differs or a value is no labelId.
    """
    truths = sorted(ground_truth.glob("*/*_labelIds.png"))
    if not truths:
        raise FileNotFoundError(f"{ground_truth}: no */*_labelIds.png; give a split's folder, like gtFine/val")
    by_stem = {"_".join(p.stem.split("_")[:3]): p for p in predictions.rglob("*.png")}
    protocol = CityscapesProtocol()
    for truth in _bar(truths, progress):
        stem = "_".join(truth.stem.split("_")[:3])
        if stem not in by_stem:
            raise FileNotFoundError(f"{predictions}: no prediction {stem}*.png for {truth.name}")
        instances = truth.with_name(truth.name.replace("labelIds", "instanceIds"))
        protocol.add(_read(truth), _read(by_stem[stem]), _read(instances) if instances.is_file() else None)
    return protocol.scores() | {"images": len(truths)}


def _read(path: Path) -> npt.NDArray[Any]:
    with Image.open(path) as image:
        return np.array(image)


def _bar(paths: Iterable[Path], shown: bool) -> Iterable[Path]:
    from tqdm import tqdm

    return tqdm(paths, desc="Cityscapes protocol", unit="image", disable=not shown)
