"""What a training run says of itself: the card's record, an epoch's metrics, a line on the screen."""

import json
from typing import Any

from back.runtime.card import TeacherRecord, TrainingRecord
from modelisation.data.base import SegmentationDataset
from modelisation.models import SegmentationModel
from modelisation.provenance import package_versions
from modelisation.recipe import Recipe
from modelisation.registry.inputs import PICTURES_TAG, Pictures, pictures_of, reader, scenes_of
from modelisation.training.checkpoint import Progress
from modelisation.training.unlabelled import UnlabelledData

# Share of the step time above which the network waits for its pictures.
_MAX_WAIT = 0.03


def training_record(
    recipe: Recipe,
    progress: Progress,
    steps: int,
    model: SegmentationModel,
    data: SegmentationDataset,
    code: dict[str, Any],
    teacher: TeacherRecord | None = None,
) -> TrainingRecord:
    """Where the weights come from, for the card. `code` is `git_state()` as the process started."""
    return TrainingRecord(
        run_id=progress.run_id or "",
        **code,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json"),
        dataset=data.dataset,
        split=data.split,
        split_sha256=data.split_sha256,
        data_licence=data.licence,
        weights_licence=recipe.weights_licence,
        initialisation=model.initialisation,
        teacher=teacher,
        epochs=progress.epoch,
        steps=steps,
        steps_before=model.steps_before,
        wall_time_s=round(progress.total_seconds, 1),
        packages=package_versions(),
    )


def describe_split(*parts: SegmentationDataset) -> str:
    """How splits were made of a folder that came without, and the names in each, as JSON."""
    return json.dumps({"rule": parts[0].split_rule} | {part.split: part.names for part in parts}, indent=1)


def run_tags(recipe: Recipe, data: SegmentationDataset, code: dict[str, Any]) -> dict[str, str]:
    """The MLflow tags of a run: on what it was trained, by which code. `code` as for `training_record`."""
    return {
        "model": recipe.name,
        "dataset": data.dataset,
        "taxonomy": data.taxonomy.id,
        "split_sha256": data.split_sha256,
        PICTURES_TAG: str(len(data)),
        "git_commit": code["git_commit"],
        "git_dirty": str(code["git_dirty"]).lower(),
        "packages": str(package_versions()),
    }


def run_inputs(
    recipe: Recipe,
    train: SegmentationDataset,
    val: SegmentationDataset,
    code: dict[str, Any],
    unlabelled: UnlabelledData | None = None,
) -> list[Pictures]:
    """The data of a run: pictures to train on, rendered scenes and photos among them, and those to validate on."""
    commit = code["git_commit"]
    scenes = scenes_of(recipe.model_dump(), commit)
    return [
        pictures_of(train, "training", commit),
        *([scenes] if scenes else []),
        *([_photos_of(unlabelled, commit)] if unlabelled else []),
        pictures_of(val, "evaluation", commit),
    ]


def _photos_of(unlabelled: UnlabelledData, commit: str) -> Pictures:
    """Photos without labels, whose terms nobody wrote down."""
    number = len(unlabelled.photos)
    return Pictures("unlabelled photos", "", unlabelled.sha256, number, None, "training", reader(commit))


def epoch_metrics(progress: Progress, recipe: Recipe, evaluated: dict[str, Any], lr: list[float]) -> dict[str, float]:
    seconds = max(progress.train_seconds, 1e-9)
    metrics = {
        "train_loss": progress.loss_sum / progress.batch,
        "val_loss": evaluated["loss"],
        "val_miou": evaluated["miou"],
        "val_pixel_accuracy": evaluated["pixel_accuracy"],
        "learning_rate": max(lr),
        "images_per_second": progress.batch * recipe.batch_size / seconds,
        "epoch_seconds": seconds,
        "data_wait_share": progress.wait_seconds / seconds,
    }
    if evaluated.get("teacher_miou") is not None:
        metrics["teacher_miou"] = evaluated["teacher_miou"]
    ious = {f"val_iou_{name}": iou for name, iou in evaluated["class_iou"].items() if iou is not None}
    return metrics | ious


def epoch_line(progress: Progress, evaluated: dict[str, Any]) -> str:
    classes = " ".join(f"{name} {iou:.2f}" for name, iou in evaluated["class_iou"].items() if iou is not None)
    wait = progress.wait_seconds / max(progress.train_seconds, 1e-9)
    slow = ", too much: raise workers" if wait > _MAX_WAIT else ""
    teacher = evaluated.get("teacher_miou")
    held_out = "" if teacher is None else f" with the teacher on photos held out {teacher:.4f}"
    return (
        f"epoch {progress.epoch + 1}: train {progress.loss_sum / progress.batch:.3f} val {evaluated['loss']:.3f} "
        f"mIoU {evaluated['miou']:.4f} ({classes}){held_out} data wait {wait:.1%}{slow}"
    )


def flatten(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in fields.items():
        found |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found
