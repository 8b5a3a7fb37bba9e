"""From a bundle to one in int8: calibrated on photos, checked on labelled ones, its own card and report.

NNCF quantises weights and what flows between layers, and measures the mIoU through ONNX Runtime. Where more was lost
than is allowed, layers go back to float, those that cost most first, until it is not (Kozlov et al., "Neural Network
Compression Framework for fast model inference", arXiv 2002.08679; the loop is NNCF's accuracy control). The graph
stays plain ONNX (QuantizeLinear, DequantizeLinear), so that every engine reads it.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from back.runtime.card import (
    EARLIER_RUNS,
    HISTORY_FILE,
    ONNX_FILE,
    REPORT_FILE,
    WEIGHTS_FILE,
    Card,
    InputContract,
    read_card,
    verify_files,
)
from back.runtime.errors import UserError
from back.runtime.imaging import plan_resize, to_input
from back.runtime.predictor import Predictor
from back.runtime.quantisation import Quantisation
from back.runtime.scores.confusion import confusion_matrix
from back.runtime.upsample import upsample_argmax
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.metrics import scores_of
from modelisation.evaluation.temperature import measure_calibration
from modelisation.export.bundle import check_name, store_result, write_card
from modelisation.export.from_run import CLEAR_MARGIN, metrics_of, write_report
from modelisation.export.gate import MAX_MIOU_POINTS
from modelisation.export.int8.graph import fold_casts, layers_in_int8, settle_axes
from modelisation.export.self_test import make_self_test

QUANTISATION = "quantisation"  # the part of report.json that tells of it
CALIBRATION_IMAGES = 64
_TRANSFORMERS = ("segformer", "mask2former")

Tensor = npt.NDArray[np.float32]
Run = Callable[[Tensor], Tensor]
# Of a network, photos to look at, labelled photos to be judged by, the points that may be lost: the network in int8.
Compress = Callable[[onnx.ModelProto, SegmentationDataset, SegmentationDataset, Card, float], onnx.ModelProto]


def quantise_bundle(
    source: Path,
    out: Path,
    name: str,
    calibration: SegmentationDataset,
    validation: SegmentationDataset,
    *,
    max_points: float = MAX_MIOU_POINTS["int8"],
    compress: Compress | None = None,
    progress: bool = False,
) -> Path:
    """Write the bundle `out` with the network of `source` in int8.

    Weights, history and earlier runs are copied: it can be fine-tuned, and compared with PyTorch, as its source can.
    What was measured of the float network is measured anew (scores, temperature) or left out (perturbations, scenes).

    Args:
        source: a verified bundle whose network is in float.
        out: a folder that is not there yet.
        name: of the new model.
        calibration: photos whose values between the layers decide the scales; their labels are not looked at.
        validation: labelled photos that say what is lost.
        max_points: of mIoU, in points, that may be lost on them.
        compress: what quantises the network; None takes NNCF.
        progress: show progress bars.

    Returns:
        `out`.

    Raises:
        UserError: the bundle is in int8 already, the name is none, NNCF is not installed, or too much is lost.
        BundleError: the source is damaged, or the new network fails the card's self-test.
    """
    card = read_card(source)
    verify_files(source, card)
    check_name(name)
    if card.quantisation is not None:
        raise UserError(f"{source} is in int8 already; give the bundle that it was made from")
    if out.exists():
        raise UserError(f"{out} is there already; choose another folder")
    before = onnx.load(source / ONNX_FILE)
    after = (compress or with_nncf)(before, calibration, validation, card, max_points)
    settle_axes(after)
    onnx.checker.check_model(after)
    quantised, layers = layers_in_int8(after)
    scores = [_miou(_session(model), validation, card) for model in (before, after)]
    lost = 100 * (scores[0] - scores[1])
    if lost > max_points:
        raise UserError(
            f"in int8 {card.name} loses {lost:.2f} points of mIoU on {validation.dataset} {validation.split} where "
            f"{max_points:g} may be lost; give more photos to calibrate on, or serve it in bf16 or fp32"
        )
    record = Quantisation(
        method=f"NNCF {_nncf_version()}" if compress is None else "given",
        dataset=calibration.dataset,
        split=calibration.split,
        split_sha256=calibration.split_sha256,
        images=len(calibration),
        source_sha256=card.files[ONNX_FILE],
        layers=quantised,
        of_layers=layers,
        checked_on=f"{validation.dataset} {validation.split}, {len(validation)} images",
        miou=(scores[0], scores[1]),
    )
    _write(source, out, card, name, after, record)
    try:
        _measure(out, validation, record, progress)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(out)  # made here, a moment ago
        raise
    return out


def with_nncf(
    model: onnx.ModelProto,
    calibration: SegmentationDataset,
    validation: SegmentationDataset,
    card: Card,
    max_points: float,
) -> onnx.ModelProto:
    """What NNCF's quantisation with accuracy control gives. Raises UserError: NNCF is not installed."""
    try:
        import nncf
        from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, QuantizationParameters
    except ImportError:
        raise UserError(
            "NNCF, which quantises, is not installed; pip install -r modelisation/export/int8/requirements.txt"
        ) from None

    def validate(candidate: onnx.ModelProto, photos: Iterable[int]) -> tuple[float, list[float]]:
        settled = onnx.ModelProto()
        settled.CopyFrom(candidate)
        settle_axes(settled)
        run = _session(settled)
        matrices = [_matrix(run, validation, index, card) for index in photos]
        total = scores_of(np.sum(matrices, axis=0), card.taxonomy)["miou"]
        return total, [scores_of(matrix, card.taxonomy)["pixel_accuracy"] for matrix in matrices]

    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    fold_casts(folded)
    quantised: onnx.ModelProto = nncf.quantize_with_accuracy_control(
        folded,
        calibration_dataset=nncf.Dataset(
            range(len(calibration)), lambda index: {"image": input_tensor(calibration[index].image, card.input)}
        ),
        validation_dataset=nncf.Dataset(range(len(validation))),
        validation_fn=validate,
        max_drop=max_points / 100,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(calibration),
        model_type=nncf.ModelType.TRANSFORMER if card.architecture in _TRANSFORMERS else None,
        # One scale a tensor: ONNX Runtime's convolutions take no more for what flows between layers.
        advanced_quantization_parameters=AdvancedQuantizationParameters(
            activations_quantization_params=QuantizationParameters(per_channel=False)
        ),
    )
    return quantised


def input_tensor(image_HWC: npt.NDArray[np.uint8], contract: InputContract) -> Tensor:
    """A photo uint8 [H, W, 3] as the network's input, float32 [1, 3, h, w]."""
    height, width = image_HWC.shape[:2]
    plan = plan_resize(height, width, contract, None)
    pixels = np.asarray(to_input(image_HWC, plan, contract), np.float32) / 255
    normalised = (pixels - np.asarray(contract.mean, np.float32)) / np.asarray(contract.std, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None])


def _session(model: onnx.ModelProto) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda image_NCHW: np.asarray(session.run(["scores"], {"image": image_NCHW})[0][0], np.float32)


def _miou(run: Run, photos: SegmentationDataset, card: Card) -> float:
    matrices = [_matrix(run, photos, index, card) for index in range(len(photos))]
    return float(scores_of(np.sum(matrices, axis=0), card.taxonomy)["miou"])


def _matrix(run: Run, photos: SegmentationDataset, index: int, card: Card) -> npt.NDArray[np.int64]:
    sample = photos[index]
    labels_HW, _ = _sure_labels(run, sample.image, card.input)
    return confusion_matrix(sample.label, labels_HW, len(card.taxonomy.classes), card.taxonomy.ignore_index)


def _sure_labels(
    run: Run, image_HWC: npt.NDArray[np.uint8], contract: InputContract
) -> tuple[npt.NDArray[np.uint8], float]:
    """Label map uint8 [H, W], and the share of scores with a clear winner, 0..1."""
    height, width = image_HWC.shape[:2]
    plan, stride = plan_resize(height, width, contract, None), contract.score_stride
    scores_CHW = run(input_tensor(image_HWC, contract))
    labels_HW = upsample_argmax(scores_CHW, height, width, plan.height / stride, plan.width / stride)
    second, best = np.sort(scores_CHW, axis=0)[-2:]
    return labels_HW, float((best - second > CLEAR_MARGIN * np.ptp(scores_CHW)).mean())


def _nncf_version() -> str:
    from importlib.metadata import version

    return version("nncf")


def _write(source: Path, out: Path, card: Card, name: str, model: onnx.ModelProto, record: Quantisation) -> None:
    out.mkdir(parents=True)
    for file in (WEIGHTS_FILE, HISTORY_FILE):
        if (source / file).is_file():
            shutil.copy(source / file, out / file)
    if (source / EARLIER_RUNS).is_dir():
        shutil.copytree(source / EARLIER_RUNS, out / EARLIER_RUNS)
    onnx.save(model, out / ONNX_FILE)
    write_report(out, {})
    run = _session(model)
    kept = {key: value for key, value in card.files.items() if (out / key).is_file()}
    write_card(
        out,
        card.model_copy(
            update={
                "name": name,
                "description": f"{card.description} In int8.",
                "quantisation": record,
                "self_test": make_self_test(lambda image: _sure_labels(run, image, card.input)),
                "metrics": None,
                "calibration": None,
                "robustness": {},
                "carries": {},
                "files": kept,
            }
        ),
    )


def _measure(bundle: Path, validation: SegmentationDataset, record: Quantisation, progress: bool) -> None:
    """Scores and temperature of the new bundle through the served runtime, into its card and report."""
    predictor = Predictor.load(bundle)
    card = read_card(bundle).model_copy(
        update={"calibration": measure_calibration(predictor, validation, progress=progress)}
    )
    write_card(bundle, card)
    predictor = Predictor(card, predictor.engine, predictor.sha256, predictor.input)
    options = EvaluationOptions(calibration=True, latency_runs=0, progress=progress)
    evaluation = evaluate(bundle, validation, options, predictor=predictor)
    report: dict[str, Any] = json.loads((bundle / REPORT_FILE).read_bytes())
    (bundle / REPORT_FILE).write_text(json.dumps(report | {"evaluation": evaluation}, indent=1), encoding="utf-8")
    store_result(bundle, QUANTISATION, record.model_dump(), metrics=metrics_of(evaluation))
