"""The ways to score a model on labelled photos that `evaluation.py` compares: ours, and those of the usual libraries.

All read the same files by the same reader and bring photos to the same network input. `evaluate`'s mean_iou is a
script on a hub, which this machine need not reach: its arithmetic, three histograms a picture, is written here anew.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.imaging import plan_resize
from back.runtime.predictor import Predictor
from back.runtime.process.threads import available_cpus
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from tests.benchmarks.material import Material

Labels = npt.NDArray[np.uint8]
Ious = npt.NDArray[np.float64]
Way = Callable[[SegmentationDataset], Ious]


def ours(bundle: Path, predictor: Predictor) -> Way:
    """`evaluate` with all its scores: confusion, boundary IoU, calibration, a record a picture.

    The network for a split's size is compiled in the first call, as the other ways load theirs before the clock runs.
    """
    made: dict[tuple[int, int], Predictor] = {}

    def way(dataset: SegmentationDataset) -> Ious:
        height, width = dataset.label(0).shape
        if (height, width) not in made:
            made[height, width] = predictor.steady(height, width)
        options = EvaluationOptions(calibration=True, latency_runs=0, progress=False)
        class_iou = evaluate(bundle, dataset, options, predictor=made[height, width])["class_iou"]
        return np.array([class_iou[name] for name in predictor.card.taxonomy.names], np.float64)

    return way


def transformers_loop(material: Material) -> Way:
    """transformers' processor and network, then mean_iou as `evaluate` counts it."""
    import torch
    from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

    torch.set_num_threads(available_cpus())
    assert material.transformers_folder is not None  # only models that transformers can load are scored this way
    folder = str(material.written(material.transformers_folder))
    net, processor = (
        AutoModelForSemanticSegmentation.from_pretrained(folder).eval(),
        AutoImageProcessor.from_pretrained(folder),
    )

    def labels_of(image_HWC: Labels) -> Labels:
        height, width = image_HWC.shape[:2]
        inputs = processor(images=image_HWC, size=_input_size(material, height, width), return_tensors="pt")
        with torch.inference_mode():
            out = net(pixel_values=inputs["pixel_values"])
        labels = processor.post_process_semantic_segmentation(out, target_sizes=[(height, width)])[0]
        return np.asarray(labels.numpy(), np.uint8)

    def way(dataset: SegmentationDataset) -> Ious:
        classes = len(material.card.taxonomy.classes)
        areas = np.zeros((3, classes))
        for sample in dataset:
            areas += histogram_areas(labels_of(sample.image), sample.label, classes)
        return iou_of_areas(areas)

    return way


def torchmetrics_loop(material: Material) -> Way:
    """The network as its library runs it between the usual steps, then torchmetrics' JaccardIndex."""
    import torch
    import torch.nn.functional as F

    from tests.benchmarks.usual import UsualSteps

    torch.set_num_threads(available_cpus())
    steps = UsualSteps(material.card)
    net = torch.load(material.written(material.torch_file), weights_only=False).eval()  # written by this very run

    def way(dataset: SegmentationDataset) -> Ious:
        metric = jaccard(len(material.card.taxonomy.classes))
        for sample in dataset:
            size = _input_size(material, *sample.label.shape)
            pixels = steps.normalise(sample.image, (size["height"], size["width"]))
            with torch.inference_mode():
                scores = net(torch.from_numpy(pixels))
                scores = getattr(scores, "logits", scores)
                labels = F.interpolate(scores, size=sample.label.shape, mode="bilinear", align_corners=False).argmax(
                    1
                )
            metric.update(labels[0], torch.from_numpy(sample.label.astype(np.int64)))
        return np.asarray(metric.compute().numpy(), np.float64)

    return way


def jaccard(classes: int) -> Any:
    """torchmetrics' IoU of each class, 255 ignored."""
    from torchmetrics.classification import MulticlassJaccardIndex

    return MulticlassJaccardIndex(classes, average="none", ignore_index=255, zero_division=float("nan"))


def histogram_areas(prediction_HW: Labels, truth_HW: Labels, classes: int) -> npt.NDArray[np.float64]:
    """Pixels of intersection, prediction and truth of each class: float64 [3, classes]; 255 is ignored."""
    kept = truth_HW != 255
    prediction, truth = prediction_HW[kept], truth_HW[kept]
    parts = prediction[prediction == truth], prediction, truth
    return np.stack([np.histogram(part, bins=classes, range=(0, classes - 1))[0] for part in parts]).astype(
        np.float64
    )


def iou_of_areas(areas: npt.NDArray[np.float64]) -> Ious:
    """IoU of each class from summed `histogram_areas`; NaN where a class has no pixel."""
    with np.errstate(invalid="ignore"):
        return np.asarray(areas[0] / (areas[1] + areas[2] - areas[0]), np.float64)


def official_script(ground_truth: Path, predictions: Path) -> dict[str, Any]:
    """What cityscapesscripts' own program gives for two folders of PNGs: reading and scoring alone."""
    from importlib import import_module

    official = import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    if not hasattr(np, "in1d"):  # which the script still calls and NumPy 2.4 removed
        setattr(np, "in1d", np.isin)  # noqa: B010 - no type checker knows it any more
    official.args.quiet, official.args.JSONOutput = True, False
    official.args.predictionPath, official.args.predictionWalk = str(predictions), None
    truths = sorted(str(path) for path in ground_truth.glob("*/*_labelIds.png"))
    found = [official.getPrediction(official.args, truth) for truth in truths]
    result: dict[str, Any] = official.evaluateImgLists(found, truths, official.args)
    return result


def _input_size(material: Material, height: int, width: int) -> dict[str, int]:
    plan = plan_resize(height, width, material.card.input, None)
    return {"height": plan.padded_height, "width": plan.padded_width}
