"""What smoothing over time is worth: `python -m tests.benchmarks.smoothing MODEL DATA…`.

Of each DATA the split val must be one clip, labelled frames in order: CamVid's val, or what
`modelisation scenes DIR --drive N` writes. Prints, for each way of
smoothing, the share of pixels that change their class between frames though their picture hardly does, and mIoU.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from back.runtime.imaging import Photo
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import class_ious, confusion_matrix, mean_of
from back.runtime.video.smoothing import CHANGED, SHARE, Smoother, cells_of
from modelisation.data.open import open_dataset
from modelisation.evaluation.flicker import count_flicker, still_pixels

# Share of the new frame where nothing changes, and the change from which on it counts alone.
WAYS = {
    "none": None,
    "exponential 0.5": (0.5, math.inf),
    "exponential 0.3": (0.3, math.inf),
    "by change 0.3, 12": (0.3, 12.0),
    "by change 0.3, 24": (0.3, 24.0),
    "by change 0.15, 24": (0.15, 24.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", nargs="+")
    args = parser.parse_args()
    predictor = Predictor.load(args.model)
    print(f"{predictor.card.name}; kept: {SHARE:g}, {CHANGED:g}")
    print("| clip | smoothing | flicker % | mIoU % |\n| --- | --- | ---: | ---: |")
    for data in args.data:
        for way, (flicker, miou) in measure(predictor, data).items():
            print(f"| {Path(data).name} | {way} | {100 * flicker:.3f} | {100 * miou:.2f} |", flush=True)


def measure(predictor: Predictor, data: str) -> dict[str, tuple[float, float]]:
    """Flicker and mIoU, fractions, of each way on a split `val` that is one clip."""
    dataset = open_dataset(data, "val", predictor.card.taxonomy)
    classes = len(predictor.card.taxonomy.classes)
    smoothers = {name: None if way is None else Smoother(*way) for name, way in WAYS.items()}
    confusion = {name: np.zeros((classes, classes), np.int64) for name in WAYS}
    flicker = {name: np.zeros(2, np.int64) for name in WAYS}
    before: dict[str, npt.NDArray[np.uint8]] = {}
    last: npt.NDArray[np.uint8] | None = None
    height, width = dataset[0].image.shape[:2]
    network = predictor.steady(height, width)
    for index in range(len(dataset)):
        sample = dataset[index]
        scores_CHW = network.scores_of(Photo(sample.image, height, width))
        cells = cells_of(sample.image, network.input)
        still = None if last is None else still_pixels(last, sample.image)
        for name, smoother in smoothers.items():
            mixed = scores_CHW if smoother is None else smoother.smooth(scores_CHW, cells)
            labels_HW = predictor.labels_of(mixed, height, width)
            confusion[name] += confusion_matrix(sample.label, labels_HW, classes)
            if still is not None:
                flicker[name] += count_flicker(before[name], labels_HW, still)
            before[name] = labels_HW
        last = sample.image
    mious = {name: mean_of(class_ious(confusion[name])) or 0.0 for name in WAYS}
    return {name: (flicker[name][0] / max(1, flicker[name][1]), mious[name]) for name in WAYS}


if __name__ == "__main__":
    main()
