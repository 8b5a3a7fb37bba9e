"""The training loop: read it top to bottom."""

import contextlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate.utils import set_seed
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from back.runtime.errors import UserError
from modelisation.data.class_files import CLASSES_FILE, to_yaml
from modelisation.data.open import open_dataset
from modelisation.export.run_folder import BUNDLE, RECIPE_COPY, save_run
from modelisation.models.predict import normalise
from modelisation.processes import ranks
from modelisation.provenance import REPOSITORY, git_state
from modelisation.recipe import Recipe
from modelisation.training import checkpoint
from modelisation.training.checkpoint import Progress
from modelisation.training.distillation import Teacher
from modelisation.training.ema import WeightAverage
from modelisation.training.finish import finish, imported_meanwhile
from modelisation.training.kept_memory import kept_memory
from modelisation.training.loss import make_criterion
from modelisation.training.objective import Objective
from modelisation.training.panel import Panel
from modelisation.training.parallel import agreed, check_alike, is_shared_out, loss_of, meet, parts_of, wrap
from modelisation.training.run_record import (
    describe_split,
    epoch_line,
    epoch_metrics,
    flatten,
    run_inputs,
    run_tags,
    training_record,
)
from modelisation.training.samples.batches import make_loader
from modelisation.training.samples.cache import decode_all
from modelisation.training.setup import (
    build_from_recipe,
    check_run_dir,
    check_same_data,
    input_contract,
    learning_rate_factor,
    prepare_run_dir,
    training_data,
)
from modelisation.training.stopping import Interrupted, catch_stop_signals, notice_lost_process
from modelisation.training.tracking import Tracker
from modelisation.training.unlabelled import agreement_with_teacher, open_unlabelled
from modelisation.training.validate import validate


class TrainingError(UserError):
    """Training that cannot go on: says at which step, and what to change."""


def train(
    recipe: Recipe,
    data: Path,
    run_dir: Path,
    *,
    resume: bool = False,
    register: bool = True,
    scores_only: bool = False,
) -> Path:
    """Train a recipe, export its bundle and register it as `candidate`.

    Of several processes (see docs/scale.md) all train, and rank 0 does the rest.

    Args:
        recipe: what to train.
        data: folder of a data set that `open_dataset` recognises.
        run_dir: folder for checkpoint, history and bundle.
        resume: go on from the checkpoint in `run_dir`, exactly where it stopped.
        register: whether to add the bundle to the MLflow registry.
        scores_only: leave serving times and robustness out of the bundle, see `export_run`.

    Returns:
        The bundle's folder.

    Raises:
        as `fit`.
    """
    with imported_meanwhile():
        fit(recipe, data, run_dir, resume=resume)
    if not ranks.is_main():
        return run_dir / BUNDLE
    return finish(recipe, data, run_dir, register=register, scores_only=scores_only)


def fit(
    recipe: Recipe,
    data: Path,
    run_dir: Path,
    *,
    resume: bool = False,
    on_epoch: Callable[[int, dict[str, Any]], None] | None = None,
    parent_run: str | None = None,
) -> dict[str, Any]:
    """Train a recipe; `run_dir` then holds all that `export_run` needs.

    Args:
        recipe, data, run_dir, resume: as for `train`.
        on_epoch: called with the number of epochs done and the validation's scores; may raise `Interrupted`.
        parent_run: MLflow run under which this one is listed.

    Returns:
        The last validation's scores, see `validate`.

    Raises:
        Interrupted: stopped by Ctrl-C or by `on_epoch`; the checkpoint holds everything that resuming needs.
        UserError: the run folder is in use or not ours, has no checkpoint to resume from, or belongs to another
            recipe or other data; the recipe, the data and the network do not go together. Nothing is written then.
        DatasetError: the data cannot be read.
        TrainingError: the loss is not finite.
        LostProcessError: another process of the run has died.
    """
    named = [recipe.init_from, recipe.distillation and recipe.distillation.teacher]
    if recipe.unlabelled:
        named += [recipe.unlabelled.folder, recipe.unlabelled.teacher]
    main = ranks.is_main()
    if main:
        check_run_dir(recipe, run_dir, resume, [data, *(REPOSITORY / name for name in named if name)])
    set_seed(recipe.seed)
    accelerator = meet(recipe)
    train_set = open_dataset(data, recipe.train_split, recipe.taxonomy)
    val_set = open_dataset(data, recipe.val_split, recipe.taxonomy)
    taxonomy = train_set.taxonomy
    check_alike(recipe=recipe.model_dump_json(), data=train_set.split_sha256 + val_set.split_sha256)
    if resume and main:
        check_same_data(run_dir, train_set, val_set)
    recipe = recipe.model_copy(update={"taxonomy": taxonomy.id})

    model = build_from_recipe(recipe, taxonomy)
    print(
        f"{recipe.name} learns the classes of {taxonomy.id}: {', '.join(taxonomy.names[:20])}; it begins with "
        f"{model.initialisation}"
    )
    contract = input_contract(model, recipe)
    model.to(accelerator.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = WeightAverage(model, recipe.ema_decay, is_shared_out(accelerator))
    if recipe.compile:
        model.compile()  # in place: weights keep their names, and the average above is a network that runs as it is
    learner = wrap(accelerator, model)

    unlabelled = open_unlabelled(recipe, contract, taxonomy)
    samples, batches = training_data(recipe, train_set, model, unlabelled)
    val_samples = decode_all(val_set, recipe.cache)
    total_steps = recipe.epochs * batches.batches
    optimiser = torch.optim.AdamW(
        model.parameter_groups(recipe.lr, recipe.encoder_lr_factor, recipe.weight_decay, recipe.layer_decay),
        fused=True,
    )
    scheduler = LambdaLR(optimiser, learning_rate_factor(recipe, total_steps))
    labelled = make_criterion(recipe.loss, taxonomy.ignore_index)
    photos, distillation = recipe.unlabelled, recipe.distillation
    teacher = Teacher(REPOSITORY / distillation.teacher, taxonomy, accelerator.device) if distillation else None
    loader = make_loader(samples, batches, recipe.workers)
    # The average is a copy of the bare network, so the bare network is kept beside accelerate's wrapped forward.
    net, optimiser, scheduler, loader = accelerator.prepare(learner, optimiser, scheduler, loader)
    objective = Objective(recipe, labelled, teacher, average, contract, taxonomy.ignore_index)
    panel = Panel(val_samples, contract, taxonomy, recipe.epochs)
    progress = Progress()
    accelerator.register_for_checkpointing(average, progress)
    if resume:
        checkpoint.load(accelerator, run_dir)

    # Everything is checked: from here on the run writes.
    code = git_state()
    tracker = None
    if main:
        prepare_run_dir(recipe, run_dir, resume, train_set, val_set)
        tracker = Tracker(
            run_dir,
            recipe.name,
            flatten(recipe.model_dump()) | {"parameters": sum(p.numel() for p in model.parameters())},
            run_tags(recipe, train_set, code),
            progress.run_id,
            parent_run,
        )
        progress.run_id = tracker.run_id
        tracker.log_data(recipe.description, run_inputs(recipe, train_set, val_set, code, unlabelled))
        tracker.log_text(yaml.safe_dump(recipe.model_dump(mode="json")), RECIPE_COPY)
        tracker.log_text(to_yaml(train_set.classes), CLASSES_FILE)
        if train_set.split_rule:
            tracker.log_text(describe_split(train_set, val_set), "splits.json")
        if unlabelled:
            tracker.log_text(json.dumps(unlabelled.listing, indent=1), "unlabelled.json")
        panel.log_start(tracker)

    def keep() -> None:
        checkpoint.save(accelerator, run_dir)

    parts = accelerator.gradient_accumulation_steps
    evaluated: dict[str, Any] = {}
    steps = tqdm(total=total_steps, unit="step", desc=recipe.name, smoothing=0.1)
    with (
        kept_memory(),
        tracker or contextlib.nullcontext(),
        catch_stop_signals() as stopped,
        notice_lost_process(contextlib.nullcontext if is_shared_out(accelerator) else keep, run_dir),
        steps as bar,
    ):
        bar.update(progress.epoch * batches.batches + progress.batch)
        while progress.epoch < recipe.epochs:
            batches.epoch, batches.first_batch = progress.epoch, progress.batch
            if ranks.rank():  # its dropout is not rank 0's, and the same again where an epoch is repeated
                set_seed(hash((recipe.seed, progress.epoch, ranks.rank())) % 2**32)
            if recipe.freeze_batchnorm_after is not None and progress.epoch >= recipe.freeze_batchnorm_after:
                model.freeze_batchnorm()
            model.train()
            before = time.perf_counter()
            for views in loader:
                started = time.perf_counter()
                loss_of_batch, leave = 0.0, False
                for number, part in enumerate(parts_of(views, parts), start=1):
                    image_NHWC = part.image.permute(0, 2, 3, 1)
                    image = normalise(image_NHWC, contract).contiguous(memory_format=torch.channels_last)
                    # Gradients are exchanged once a step, with those of the last part.
                    with accelerator.no_sync(net) if number < parts else contextlib.nullcontext():
                        with accelerator.autocast():
                            loss = loss_of(net, image, part.label.long(), objective.of(part, image_NHWC))
                        value, leave = agreed(loss, stopped())
                        if not math.isfinite(value):
                            raise TrainingError(f"the loss is {value} at step {bar.n}; lower lr (now {recipe.lr})")
                        accelerator.backward(loss)
                    loss_of_batch += value / parts
                accelerator.clip_grad_norm_(model.parameters(), recipe.clip_norm)
                optimiser.step()
                scheduler.step()
                optimiser.zero_grad(set_to_none=True)
                average.update()

                done = time.perf_counter()
                progress.batch += 1
                progress.loss_sum += loss_of_batch
                progress.wait_seconds += started - before
                progress.train_seconds += done - before
                progress.total_seconds += done - before
                bar.update()
                bar.set_postfix(epoch=progress.epoch + 1, loss=f"{progress.loss_sum / progress.batch:.3f}")
                if leave or (ranks.number() == 1 and stopped()):
                    keep()
                    raise Interrupted
                before = time.perf_counter()

            averaged = average.current()
            with accelerator.autocast():
                evaluated = validate(averaged, val_samples, contract, taxonomy)
                if photos and unlabelled and unlabelled.held_out:
                    evaluated["teacher_miou"] = agreement_with_teacher(
                        averaged, unlabelled, photos, contract, taxonomy
                    )
            if tracker:
                metrics = epoch_metrics(progress, recipe, evaluated, scheduler.get_last_lr())
                tracker.log_epoch(progress.epoch + 1, metrics)
                panel.log_epoch(tracker, progress.epoch + 1, averaged)
            bar.write(epoch_line(progress, evaluated))
            progress.start_epoch()
            keep()
            if main:
                record = training_record(
                    recipe,
                    progress,
                    progress.epoch * batches.batches,
                    model,
                    train_set,
                    code,
                    teacher.record if teacher else unlabelled.teacher if unlabelled else None,
                )
                save_run(averaged, contract, record, run_dir)
            if on_epoch:
                on_epoch(progress.epoch, evaluated)

        averaged = average.current()
        if not evaluated:  # resumed after the last epoch
            evaluated = validate(averaged, val_samples, contract, taxonomy)
        if tracker:
            from modelisation.figures.run import confusion_figure, panel_figure

            tracker.log_figure(
                confusion_figure(evaluated["confusion_matrix"], taxonomy.names), "confusion_matrix.png"
            )
            tracker.log_figure(panel_figure(panel.samples, panel.predictions(averaged), taxonomy), "panel.png")
    if ranks.number() > 1:
        accelerator.end_training()
    return evaluated
