"""Does a served engine give what PyTorch gives? On the same tensors, and end to end on labelled photos."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from back.runtime.card import InputContract
from back.runtime.engines.base import DeviceError, EngineKind, Precision, PrecisionError, precision_name
from back.runtime.imaging import MAX_FILE_PIXELS, plan_resize, to_input
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import Counts, Labels, confusion_matrix
from back.runtime.upsample import upsample_argmax
from modelisation.data.base import Sample, SegmentationDataset
from modelisation.evaluation.latency import percentiles
from modelisation.evaluation.metrics import scores_of
from modelisation.export.gate import MAX_MIOU_POINTS, MIN_AGREEMENT, engine_passes
from modelisation.provenance import machine, package_versions

if TYPE_CHECKING:
    import torch

ENGINES: tuple[tuple[EngineKind, Precision], ...] = (
    ("onnxruntime", "fp32"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("cuda", "fp32"),
)
SAME_TENSOR_IMAGES = 16

Floats = npt.NDArray[np.float32]


@dataclass
class _Tally:
    """What is summed up about one engine."""

    matrix: Counts
    pixels: int = 0
    equal: int = 0
    tensor_pixels: int = 0
    tensor_equal: int = 0
    score_difference: float = 0.0
    milliseconds: list[float] = field(default_factory=list)


def check_parity(
    bundle: Path,
    dataset: SegmentationDataset,
    *,
    engines: tuple[tuple[EngineKind, Precision], ...] = ENGINES,
    progress: bool = False,
) -> dict[str, Any]:
    """Compare the served engines with PyTorch.

    Two comparisons: up to 16 photos, spread over the split, go through both as the very same input tensor; and every
    photo goes end to end, from the file's bytes through the served pipeline, and its labels are compared with those
    that PyTorch gives and with the truth.

    Args:
        bundle: folder with `model.onnx` and `model.safetensors`.
        dataset: labelled photos in the model's taxonomy.
        engines: which to compare; those that this processor cannot run are listed as skipped.
        progress: show a progress bar.

    Returns:
        The parity report: `passed` (every engine that runs has passed, and one does), `reference` (PyTorch's mIoU and
        milliseconds), `engines` (each with `pixel_agreement` end to end, `tensor_agreement`, `max_score_difference`,
        `miou`, `miou_delta_points`, `infer_ms`, `passed`), `skipped`, and what was compared on which machine.
    """
    predictors, skipped = _load(bundle, engines)
    card = next(iter(predictors.values())).card if predictors else Predictor.load(bundle).card
    classes = len(card.taxonomy.classes)
    model = _load_torch(bundle)
    reference = _Tally(np.zeros((classes, classes), np.int64))
    tallies = {key: _Tally(np.zeros((classes, classes), np.int64)) for key in predictors}
    shared = set(np.linspace(0, len(dataset) - 1, min(len(dataset), SAME_TENSOR_IMAGES)).astype(int).tolist())
    for index in tqdm(range(len(dataset)), "parity", unit="image", disable=not progress):
        sample = dataset[index]
        tensor, labels, scores = _torch_labels(model, sample, card.input, reference)
        reference.matrix += confusion_matrix(sample.label, labels, classes)
        data = dataset.items[index].image.read_bytes()
        for key, predictor in predictors.items():
            tally = tallies[key]
            prediction = predictor.predict(data, MAX_FILE_PIXELS)
            tally.milliseconds.append(prediction.timings_ms["infer"])
            tally.matrix += confusion_matrix(sample.label, prediction.labels_HW, classes)
            tally.equal += int((prediction.labels_HW == labels).sum())
            tally.pixels += labels.size
            if index in shared:
                _compare_tensor(predictor, tensor, scores, labels, tally)
    reference_miou = scores_of(reference.matrix, card.taxonomy)["miou"]
    results = [
        _engine_json(predictors[key], tally, scores_of(tally.matrix, card.taxonomy)["miou"], reference_miou)
        for key, tally in tallies.items()
    ]
    return {
        "schema_version": 1,
        "passed": bool(results) and all(result["passed"] for result in results),
        "model_sha256": card.files["model.onnx"],
        "dataset": dataset.dataset,
        "split": dataset.split,
        "split_sha256": dataset.split_sha256,
        "images": len(dataset),
        "same_tensor_images": len(shared),
        "max_miou_points": MAX_MIOU_POINTS[precision_name(card, "fp32")],
        "reference": {
            "engine": "torch",
            "precision": "fp32",
            "miou": reference_miou,
            "infer_ms": percentiles(reference.milliseconds),
        },
        "engines": results,
        "skipped": skipped,
        "machine": machine(),
        "packages": package_versions(),
    }


def _load(
    bundle: Path, engines: tuple[tuple[EngineKind, Precision], ...]
) -> tuple[dict[tuple[EngineKind, Precision], Predictor], list[dict[str, str]]]:
    predictors: dict[tuple[EngineKind, Precision], Predictor] = {}
    skipped: list[dict[str, str]] = []
    for kind, precision in engines:
        try:
            predictors[kind, precision] = Predictor.load(bundle, engine=kind, precision=precision)
        except (ImportError, PrecisionError, DeviceError) as error:  # a broken bundle is an error; no bf16 is not
            skipped.append({"engine": kind, "precision": precision, "reason": str(error)})
    return predictors, skipped


def _load_torch(bundle: Path) -> "torch.nn.Module":
    from modelisation.models import load_bundle_model

    return load_bundle_model(bundle).eval()


def _torch_labels(
    model: "torch.nn.Module", sample: Sample, contract: InputContract, tally: _Tally
) -> tuple[Labels, Labels, Floats]:
    """The input uint8 [1, h, w, 3], PyTorch's labels uint8 [H, W] and its scores float32 [C, h', w']."""
    import torch

    from modelisation.models.predict import normalise

    height, width = sample.label.shape
    plan = plan_resize(height, width, contract, None)
    tensor = np.array(to_input(sample.image, plan, contract))[None]
    with torch.inference_mode():
        pixels = normalise(torch.from_numpy(tensor), contract)
        start = time.perf_counter()
        scores = model(pixels)[0].float().numpy()
    tally.milliseconds.append((time.perf_counter() - start) * 1e3)
    stride = contract.score_stride
    return tensor, upsample_argmax(scores, height, width, plan.height / stride, plan.width / stride), scores


def _compare_tensor(predictor: Predictor, tensor: Labels, scores: Floats, labels: Labels, tally: _Tally) -> None:
    ours = predictor.engine.run(tensor)
    contract = predictor.card.input
    height, width = labels.shape
    plan = plan_resize(height, width, contract, None)
    stride = contract.score_stride
    mine = upsample_argmax(ours, height, width, plan.height / stride, plan.width / stride)
    tally.tensor_equal += int((mine == labels).sum())
    tally.tensor_pixels += labels.size
    tally.score_difference = max(tally.score_difference, float(np.abs(ours - scores).max()))


def _engine_json(predictor: Predictor, tally: _Tally, miou: float, reference_miou: float) -> dict[str, Any]:
    precision = predictor.engine.precision
    agreement, on_tensors = tally.equal / tally.pixels, tally.tensor_equal / tally.tensor_pixels
    points = 100 * (miou - reference_miou)
    return {
        "engine": predictor.engine.name,
        "precision": precision,
        "tensor_agreement": on_tensors,
        "pixel_agreement": agreement,
        "min_agreement": MIN_AGREEMENT[precision],
        "max_score_difference": tally.score_difference,
        "miou": miou,
        "miou_delta_points": points,
        "infer_ms": percentiles(tally.milliseconds),
        "passed": engine_passes(precision, min(agreement, on_tensors), points),
    }


def sample_evenly(dataset: SegmentationDataset, images: int | None) -> SegmentationDataset:
    """`images` of the split at even distances, under a name that says so; None keeps all."""
    total = len(dataset)
    if images is None or images >= total:
        return dataset
    chosen = sorted({i * total // max(1, images) for i in range(max(1, images))})
    return dataset.subset([dataset.items[i] for i in chosen], f"{dataset.split} ({len(chosen)} of {total})")
