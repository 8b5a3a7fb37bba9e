"""What a training run needs before its first step: folder, network, input contract, learning-rate schedule."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from back.runtime.card import WEIGHTS_FILE, BundleError, Card, InputContract, TrainingRecord, read_card
from back.runtime.errors import UserError
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import SegmentationDataset
from modelisation.data.class_files import CLASSES_FILE, to_yaml
from modelisation.data.class_sets import DEFAULT, class_set
from modelisation.export.run_folder import BUNDLE, RECIPE_COPY, RECORD_FILE, bundle_of
from modelisation.models import ARCHITECTURES, build_model, load_bundle_model, rebuild
from modelisation.models.base import SegmentationModel
from modelisation.outputs.mark import Mark, check_free, empty, read_mark, write_mark
from modelisation.provenance import REPOSITORY
from modelisation.recipe import Recipe, load_recipe
from modelisation.training import checkpoint
from modelisation.training.kernels.depthwise import use_fast_depthwise
from modelisation.training.kernels.spared_copies import spare_copies
from modelisation.training.samples.augment import TrainingTransform
from modelisation.training.samples.batches import AugmentedSamples, EpochBatches, render_all
from modelisation.training.samples.boards import BoardPaster
from modelisation.training.samples.cache import Joined, decode_all
from modelisation.training.samples.copy_paste import Paster
from modelisation.training.unlabelled import UnlabelledData, with_teacher


def check_run_dir(recipe: Recipe, run_dir: Path, resume: bool, inputs: Iterable[Path] = ()) -> None:
    """Check that a run may write to a folder, or go on in it. Writes nothing.

    Args:
        recipe: of the run.
        run_dir: missing, empty, or left by a run that was killed before its first checkpoint.
        resume: whether the run goes on from the checkpoint in `run_dir`.
        inputs: what the run reads; none of it may lie in `run_dir`.

    Raises:
        UserError: the folder is in use or not ours, has no checkpoint to resume from, or belongs to another recipe.
    """
    if not resume:
        if checkpoint.exists(run_dir) or any((run_dir / name).exists() for name in (RECORD_FILE, BUNDLE)):
            raise UserError(f"{run_dir}: holds a run; go on with --resume, choose another --run-dir, or delete it")
        check_free(run_dir, "run", inputs)
        return
    if not checkpoint.exists(run_dir):
        raise UserError(f"{run_dir}: no checkpoint to resume from; start without --resume")
    copy = run_dir / RECIPE_COPY
    # As a recipe, not as text: a field that was added since then has its default in both.
    # Which classes it names is compared when the data are open, which may bring them.
    fields, stored = (one.model_dump(mode="json", exclude={"taxonomy"}) for one in (recipe, load_recipe(copy)))
    if changed := [name for name in fields if fields[name] != stored[name]]:
        raise UserError(
            f"{copy} differs from this recipe in {', '.join(changed)}; "
            "resume with the same recipe and --set, or start anew"
        )


def check_same_data(run_dir: Path, train_set: SegmentationDataset, val_set: SegmentationDataset) -> None:
    """Check that a run goes on with the data that it began with.

    Raises:
        UserError: a split has another file list than before, or other classes.
    """
    classes = class_set(load_recipe(run_dir / RECIPE_COPY).taxonomy or DEFAULT).taxonomy
    if not classes.same_classes(train_set.taxonomy):
        raise UserError(
            f"{run_dir / RECIPE_COPY} differs from this recipe in taxonomy: the run began with {classes.id} "
            f"({', '.join(classes.names[:8])}), not {train_set.taxonomy.id}; resume with the same, or start anew"
        )
    before = splits_of_run(run_dir)
    for dataset in (train_set, val_set):
        if before.get(dataset.split, dataset.split_sha256) != dataset.split_sha256:
            raise UserError(
                f"{run_dir}: the run began on another {dataset.split} split than {dataset.dataset}'s (file list "
                f"{before[dataset.split][:12]}, not {dataset.split_sha256[:12]}); resume with the same --data, or "
                "start anew in another --run-dir"
            )


def splits_of_run(run_dir: Path) -> dict[str, str]:
    """Split -> sha256 of the file list that a run began with.

    Runs from before this was kept in the folder's mark have it of the training split, where they ended an epoch.
    """
    if (mark := read_mark(run_dir)) is not None:
        return mark.splits
    try:
        record = TrainingRecord.model_validate_json((run_dir / RECORD_FILE).read_bytes())
    except FileNotFoundError:
        return {}
    return {record.split: record.split_sha256}


def prepare_run_dir(recipe: Recipe, run_dir: Path, resume: bool, *datasets: SegmentationDataset) -> None:
    """Make the run's folder ours, with recipe, classes and the splits' hashes in it; raises as `check_run_dir`."""
    check_run_dir(recipe, run_dir, resume)
    if not resume:
        empty(run_dir, "run")
        run_dir.mkdir(parents=True, exist_ok=True)
    write_mark(run_dir, Mark(kind="run", splits={dataset.split: dataset.split_sha256 for dataset in datasets}))
    if not resume:
        fields = recipe.model_dump(mode="json")
        if datasets:  # the copy is a recipe by itself, whatever file the classes came from
            fields["taxonomy"] = CLASSES_FILE
            (run_dir / CLASSES_FILE).write_text(to_yaml(datasets[0].classes), encoding="utf-8")
        (run_dir / RECIPE_COPY).write_text(yaml.safe_dump(fields), encoding="utf-8")


def build_from_recipe(recipe: Recipe, taxonomy: Taxonomy | None = None) -> SegmentationModel:
    """The network of a recipe for these classes, by default its own, with the weights that training begins with.

    Raises:
        UserError: the architecture or its arguments are unknown, or `init_from` is no
            bundle and no run's folder, or holds the weights of another network.
    """
    taxonomy = taxonomy or class_set(recipe.taxonomy or DEFAULT).taxonomy
    model = build_model(recipe.architecture, len(taxonomy.classes), **recipe.build)
    if recipe.init_from:
        _begin_with(model, REPOSITORY / recipe.init_from, taxonomy)
    use_fast_depthwise(model)
    spare_copies(model)
    return model


def begin_with(recipe: Recipe, bundle: Path) -> Recipe:
    """The recipe, with the network of a bundle, whose weights it begins with.

    Raises:
        UserError: that network cannot be trained here.
    """
    card = read_card(bundle)
    if card.architecture not in ARCHITECTURES:
        raise UserError(f"{card.name} came as a graph without a network around it, so it cannot be trained further")
    if card.build.get("only_size"):
        raise UserError(
            f"{card.name} takes pictures of one size alone, since its position codes are of that size; it cannot be "
            "trained further here"
        )
    changes = {"architecture": card.architecture, "build": card.build, "init_from": str(bundle.absolute())}
    return recipe.model_copy(update=changes)


def _begin_with(model: SegmentationModel, folder: Path, taxonomy: Taxonomy) -> None:
    """Load a bundle's weights and say in `initialisation` where they come from, on whose data and terms.

    Where the bundle was trained on other classes, what depends on them stays as it is in the new network.
    """
    bundle = bundle_of(folder)
    try:
        card = read_card(bundle)
    except BundleError as error:
        raise UserError(
            f"init_from {folder}: {error}; train that run first, or name another bundle or run with --set init_from=…"
        ) from error
    weights, anew = load_bundle_model(bundle).state_dict(), ""
    if not card.taxonomy.same_classes(taxonomy):
        own = model.state_dict()
        head = _of_the_classes(card)
        weights = {name: own[name] if name in head and name in own else tensor for name, tensor in weights.items()}
        anew = f"; its last layer is new, for the classes of {taxonomy.id} in place of {card.taxonomy.id}"
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"init_from {bundle}: its {card.architecture} for {card.taxonomy.id} has other weights than the recipe's "
            "network; set architecture, build and taxonomy as its model.json says"
        ) from error
    origin = f"weights of {card.name} (sha256 {card.files[WEIGHTS_FILE][:12]}"
    if (record := card.training) is not None:
        origin += (
            f", run {record.run_id}, {record.steps} steps on {record.dataset} {record.split}, "
            f"terms: {record.weights_licence}; it began with {record.initialisation}"
        )
        model.steps_before = record.steps_before + record.steps
    model.initialisation = origin + ")" + anew


def _of_the_classes(card: Card) -> set[str]:
    """The tensors of a card's network that depend on its classes: those that one class more makes larger."""
    classes = len(card.taxonomy.classes)
    one, more = (rebuild(card.architecture, number, card.build).state_dict() for number in (classes, classes + 1))
    return {name for name in one if one[name].shape != more[name].shape}


def training_data(
    recipe: Recipe, train_set: SegmentationDataset, model: SegmentationModel, unlabelled: UnlabelledData | None = None
) -> tuple[AugmentedSamples, EpochBatches]:
    """The augmented pictures of a recipe, rendered scenes and photos among them, and the batches that an epoch takes.

    Raises:
        UserError: the pictures are too few for a batch, or a batch for the network.
        DatasetError: a file cannot be read.
    """
    _check_batches(recipe, train_set, model)
    taxonomy = train_set.taxonomy
    main = decode_all(train_set, recipe.cache)
    height, width = main[0].label.shape
    scenes = render_all(recipe.scenes, height, width, train_set.classes, recipe.seed, recipe.scenes_building_sites)
    paste = recipe.augmentation.copy_paste
    paster = Paster(main, paste, taxonomy) if paste else None
    boards = BoardPaster.of(main, recipe.augmentation, taxonomy)
    contract = input_contract(model, recipe)
    soft_classes = len(taxonomy.classes) if unlabelled and unlabelled.scores else 0
    transforms = [
        (
            end,
            TrainingTransform(
                augmentation,
                model.mean,
                taxonomy.ignore_index,
                paster,
                contract=contract,
                soft_classes=soft_classes,
                boards=boards,
            ),
        )
        for end, augmentation in recipe.augmentations()
    ]
    batches = EpochBatches(
        len(main),
        len(scenes),
        recipe.scenes_share,
        recipe.epoch_samples or len(main),
        recipe.batch_size,
        recipe.seed,
        len(unlabelled.photos) if unlabelled else 0,
        recipe.unlabelled.share if recipe.unlabelled else 0.0,
    )
    labelled = (
        with_teacher(main, train_set, unlabelled) if recipe.unlabelled and recipe.unlabelled.on_labelled else main
    )
    photos = [unlabelled.photos] if unlabelled else []
    return AugmentedSamples(Joined(labelled, scenes, *photos), transforms), batches


def _check_batches(recipe: Recipe, train_set: SegmentationDataset, model: SegmentationModel) -> None:
    """Before the pictures are read, which takes minutes where they are many."""
    pictures = recipe.epoch_samples or len(train_set)
    if pictures < recipe.batch_size:
        raise UserError(
            f"an epoch of {pictures} picture{'' if pictures == 1 else 's'} ({train_set.dataset} {train_set.split}) "
            f"holds no batch of {recipe.batch_size}; set batch_size to at most {pictures}, or epoch_samples to at "
            f"least {recipe.batch_size}, which takes pictures several times"
        )
    if recipe.batch_size < model.smallest_batch and recipe.freeze_batchnorm_after != 0:
        raise UserError(
            f"batch_size {recipe.batch_size}: {model.architecture} normalises one value a picture over the batch, "
            f"which takes at least {model.smallest_batch} pictures; set batch_size to as many or more, or "
            "freeze_batchnorm_after to 0"
        )


def input_contract(model: SegmentationModel, recipe: Recipe) -> InputContract:
    """The input contract of a network trained by a recipe."""
    return InputContract(
        mean=model.mean,
        std=model.std,
        resize_filter=recipe.resize_filter,
        stride=model.size_multiple,
        score_stride=model.score_stride,
        pixel_budget=recipe.pixel_budget,
        photo_share=recipe.photo_share,
        most_pixels=recipe.most_pixels,
    )


def learning_rate_factor(recipe: Recipe, total_steps: int) -> Callable[[int], float]:
    """Factor of the learning rate at a step: linear warm-up, then poly (power 0.9) or cosine down to zero."""

    def factor(step: int) -> float:
        warmup = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
        left = max(0.0, 1 - step / total_steps)
        decay = left**0.9 if recipe.schedule == "poly" else 0.5 * (1 - math.cos(math.pi * left))
        return warmup * decay

    return factor
