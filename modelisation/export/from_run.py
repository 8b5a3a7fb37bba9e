"""From a run's folder to a bundle: ONNX, weights, card, history, report."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from back.runtime.card import (
    CARD_FILE,
    HISTORY_FILE,
    ONNX_FILE,
    REPORT_FILE,
    WEIGHTS_FILE,
    Card,
    InputContract,
    Metrics,
    TrainingRecord,
)
from back.runtime.errors import UserError
from back.runtime.imaging import plan_resize
from back.runtime.predictor import Predictor
from modelisation.data.base import SegmentationDataset
from modelisation.evaluation.cost import multiply_adds
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.robustness import measure_robustness
from modelisation.evaluation.temperature import measure_calibration
from modelisation.export.bundle import store_familiarity, store_robustness, write_card
from modelisation.export.carry import measure_carry, store_carry
from modelisation.export.familiarity import measure_familiarity
from modelisation.export.onnx import export_onnx
from modelisation.export.run_folder import BUNDLE, CONTRACT_FILE, RECIPE_COPY, RECORD_FILE
from modelisation.export.self_test import make_self_test
from modelisation.models import build_of, rebuild
from modelisation.models.base import SegmentationModel
from modelisation.models.predict import predict_labels
from modelisation.recipe import Recipe, load_recipe

# A pixel is sure where its best score leads by this share of the scores' range.
CLEAR_MARGIN = 0.02


def export_run(
    run_dir: Path,
    val_set: SegmentationDataset,
    train_set: SegmentationDataset | None = None,
    *,
    scores_only: bool = False,
) -> Path:
    """Make the bundle of a run, evaluated on `val_set` through the served runtime.

    Args:
        run_dir: folder of the run.
        val_set: the split whose scores the card reports, and on which the temperature of its confidence is fitted.
        train_set: the split that it learnt from, by which photos unlike it are told; without it `val_set` stands in.
        scores_only: leave out what takes longer than a run of seconds: times of serving, the memory of a process that
            serves, the points lost on perturbed photos, and how photos unlike the training streets are told. Card and
            report then hold none of them.

    Returns:
        The bundle's folder, `<run_dir>/bundle`.

    Raises:
        UserError: the folder holds no finished epoch.
        UserError: the ONNX file does not give PyTorch's scores.
    """
    recipe = recipe_of(run_dir)
    record = TrainingRecord.model_validate_json((run_dir / RECORD_FILE).read_text(encoding="utf-8"))
    bundle = run_dir / BUNDLE
    build = build_of(run_dir / WEIGHTS_FILE)
    if build is None:
        build = recipe.build
        if build.get("encoder_weights"):
            raise UserError(
                f"{run_dir / WEIGHTS_FILE}: from before weights told how their network was built, which pretrained "
                "weights decide, too; train the run again, or export it with the version that trained it"
            )
    model = rebuild(recipe.architecture, len(val_set.taxonomy.classes), build)
    model.load_state_dict(load_file(run_dir / WEIGHTS_FILE))
    model.eval()
    contract = InputContract.model_validate_json((run_dir / CONTRACT_FILE).read_text(encoding="utf-8"))
    _make_room(bundle)  # not before all of the run is read: an earlier bundle may be the better one
    shutil.copy(run_dir / WEIGHTS_FILE, bundle / WEIGHTS_FILE)
    shutil.copy(run_dir / HISTORY_FILE, bundle / HISTORY_FILE)
    plan = plan_resize(360, 480, contract, None)
    size = (plan.padded_height, plan.padded_width)
    form, multiple = model.export_form(), model.size_multiple
    fixed = export_onnx(form, bundle / ONNX_FILE, multiple, size, dynamic=model.open_sizes)
    contract = contract.model_copy(update={"fixed_size": fixed})
    write_report(bundle, {})
    card = Card(
        name=recipe.name,
        architecture=recipe.architecture,
        build=build,
        description=recipe.description,
        limits=recipe.limits,
        taxonomy=val_set.taxonomy,
        input=contract,
        parameters=sum(p.numel() for p in model.parameters()),
        multiply_adds=multiply_adds(bundle, size),
        training=record,
        self_test=make_self_test(lambda image: sure_labels(model, image, contract)),
        files={},
    )
    write_card(bundle, card)
    predictor = Predictor.load(bundle)
    card = card.model_copy(update={"calibration": measure_calibration(predictor, val_set, progress=True)})
    predictor = replace(predictor, card=card)
    options = EvaluationOptions(calibration=True, progress=True)
    if scores_only:
        options = replace(options, latency_runs=0)
    evaluation = evaluate(bundle, val_set, options, predictor=predictor)
    write_report(bundle, evaluation)
    write_card(bundle, card.model_copy(update={"metrics": metrics_of(evaluation)}))
    if not scores_only:
        store_robustness(bundle, measure_robustness(predictor, val_set, progress=True))
        store_carry(bundle, measure_carry(predictor, bundle, progress=True))
        store_familiarity(bundle, measure_familiarity(predictor, val_set, train_set, progress=True))
    return bundle


def _make_room(bundle: Path) -> None:
    """Make the bundle's folder, without the files of an earlier export; others in it are an error."""
    bundle.mkdir(exist_ok=True)
    ours = {CARD_FILE, HISTORY_FILE, ONNX_FILE, REPORT_FILE, WEIGHTS_FILE}
    if others := sorted(path.name for path in bundle.iterdir() if path.name not in ours or not path.is_file()):
        raise UserError(f"{bundle} holds {others[0]}, which is no part of a bundle; move it elsewhere first")
    for path in bundle.iterdir():
        path.unlink()


def recipe_of(run_dir: Path) -> Recipe:
    """The recipe of a run that can be exported.

    Raises:
        UserError: the folder holds no finished epoch.
    """
    for name in (RECIPE_COPY, RECORD_FILE, WEIGHTS_FILE, HISTORY_FILE):
        if not (run_dir / name).is_file():
            raise UserError(f"{run_dir / name}: missing; a run can be exported after its first epoch")
    return load_recipe(run_dir / RECIPE_COPY)


def metrics_of(evaluation: dict[str, Any]) -> Metrics:
    """The headline numbers of an evaluation, for the card."""
    return Metrics.model_validate({key: evaluation[key] for key in Metrics.model_fields})


def write_report(bundle: Path, evaluation: dict[str, Any]) -> None:
    """A report of this evaluation, empty where nothing was measured, and of nothing else yet."""
    report = {"schema_version": 1, "evaluation": evaluation or None, "parity": None, "robustness": None}
    (bundle / REPORT_FILE).write_text(json.dumps(report, indent=1), encoding="utf-8")


def sure_labels(model: SegmentationModel, image: np.ndarray, contract: InputContract) -> tuple[np.ndarray, float]:
    """Label map uint8 [H, W] of a picture uint8 [H, W, 3], and the share of scores with a clear winner, 0..1."""
    labels, scores = predict_labels(model, image, contract)
    best, second = scores[0].topk(2, dim=0).values
    clear = (best - second) > CLEAR_MARGIN * (scores.max() - scores.min())
    return labels, clear.float().mean().item()
