"""What the commands share that run models on a labelled split: their help, their arguments, and loading."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from back.runtime.card import Card
    from back.runtime.predictor import Predictor
    from modelisation.data.base import SegmentationDataset
from back.runtime.errors import UserError

MODEL_HELP = "bundle folder, or models:/name@alias"
CLASSES_HELP = "class set: a built-in one's name or a YAML file"


def describe(parser: argparse.ArgumentParser, description: str, *examples: str) -> None:
    """The help of a command: what it does, and how it is called; the examples begin with the command's name."""
    parser.description = description
    lines = (f"  python -m modelisation {example}" for example in examples)
    parser.epilog = "\n".join([f"example{'s' if len(examples) > 1 else ''}:", *lines])


def at_least(least: int) -> Callable[[str], int]:
    """The `type` of an option that takes a whole number, `least` or more."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"wanted a whole number, not {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"wanted at least {least}, not {value}")
        return value

    return number


def add_split_arguments(parser: argparse.ArgumentParser) -> None:
    """Which labelled photos."""
    parser.add_argument("--data", required=True, metavar="DIR", help="Cityscapes, CamVid or images/labels folder")
    parser.add_argument("--split", default="val", help="split of the data (default: val)")
    parser.add_argument(
        "--classes", metavar="FILE", help=f"{CLASSES_HELP}, where it says what the labels mean in the model's classes"
    )


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Which labelled photos, and how to run the models on them."""
    add_split_arguments(parser)
    parser.add_argument("--engine", default="auto", choices=("auto", "openvino", "onnxruntime", "cuda"))
    parser.add_argument("--precision", default="auto", choices=("auto", "bf16", "fp32"))
    parser.add_argument(
        "--threads", type=at_least(1), metavar="N", help="threads of the engine (default: its choice)"
    )
    parser.add_argument("--pixel-budget", type=at_least(1), metavar="PIXELS", help="instead of the card's")


def add_measured_model(parser: argparse.ArgumentParser) -> None:
    """A model that is measured on a labelled split, and whose bundle keeps what is found; see `is_kept`."""
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument("--no-store", action="store_true", help="only print; leave the bundle's files alone")
    add_data_arguments(parser)


def is_kept(args: argparse.Namespace) -> bool:
    """Whether the bundle keeps what is found: one of the registry does not, since a version never changes."""
    return not args.no_store and not args.model.startswith("models:")


def add_training_threads(parser: argparse.ArgumentParser) -> None:
    """How many threads a training step takes; see `use_threads`."""
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of a training step (default: the processors that this process may use; on a machine that is "
        "busy with other work, 1 can be several times as fast)",
    )


def add_scores_only(parser: argparse.ArgumentParser) -> None:
    """Whether a bundle is measured beyond its scores; see `export_run`."""
    parser.add_argument(
        "--scores-only",
        action="store_true",
        help="leave serving times and the scores on perturbed photos and on scenes out of the bundle, which take "
        "minutes; `evaluate` and `robustness` measure them later",
    )


def use_threads(threads: int | None) -> None:
    """Let PyTorch take so many threads; None takes OMP_NUM_THREADS, or what affinity and the container's quota allow.

    PyTorch's own choice is the machine's cores, also where a container may use two of them: its threads then wait for
    each other.

    Raises:
        UserError: less than one.
    """

    import torch

    from back.runtime.process.threads import available_cpus

    if threads is not None and threads < 1:
        raise UserError(f"--threads {threads}: wanted at least 1")
    if threads is not None or "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads or available_cpus())


def load_for(args: argparse.Namespace, model: str) -> "tuple[Path, Predictor, SegmentationDataset]":
    """A model's bundle folder, its predictor, and the split in its taxonomy, as the shared arguments say."""

    from back.runtime.predictor import Predictor
    from modelisation.outputs.compiled import COMPILED
    from modelisation.registry.versions import resolve_model

    bundle = resolve_model(model)
    predictor = Predictor.load(
        bundle,
        engine=args.engine,
        precision=args.precision,
        threads=args.threads,
        pixel_budget=args.pixel_budget,
        cache_dir=COMPILED,
    )
    return bundle, predictor, open_for(args, predictor.card)


def open_for(args: argparse.Namespace, card: "Card") -> "SegmentationDataset":
    """The split in a model's classes, as the shared arguments say.

    Raises:
        UserError: the labels cannot be read in these classes, or --classes names others.
    """

    from back.runtime.taxonomy import RemapError
    from modelisation.data.class_sets import class_set, of_folder
    from modelisation.data.open import open_dataset

    named = class_set(args.classes) if args.classes else of_folder(Path(args.data))
    same = named is not None and named.taxonomy.same_classes(card.taxonomy)
    if args.classes and named is not None and not same:
        raise UserError(
            f"--classes {args.classes}: {card.name} predicts other classes ({', '.join(card.taxonomy.names)})"
        )
    try:
        return open_dataset(args.data, args.split, named if named is not None and same else card.taxonomy)
    except RemapError as error:
        raise UserError(
            f"{args.data} has no labels in the classes of {card.name}: {error}; --classes FILE may say what they mean"
        ) from None
