"""What the commands share that run models on a labelled split: their help, their arguments, and loading."""

import argparse
from pathlib import Path

from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.taxonomy import RemapError
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.registry.versions import resolve_model

MODEL_HELP = "bundle folder, or models:/name@alias"


def describe(parser: argparse.ArgumentParser, description: str, *examples: str) -> None:
    """The help of a command: what it does, and how it is called; the examples begin with the command's name."""
    parser.description = description
    lines = (f"  python -m modelisation {example}" for example in examples)
    parser.epilog = "\n".join([f"example{'s' if len(examples) > 1 else ''}:", *lines])


def add_split_arguments(parser: argparse.ArgumentParser) -> None:
    """Which labelled photos."""
    parser.add_argument("--data", required=True, metavar="DIR", help="Cityscapes, CamVid or images/labels folder")
    parser.add_argument("--split", default="val", help="split of the data (default: val)")


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Which labelled photos, and how to run the models on them."""
    add_split_arguments(parser)
    parser.add_argument("--engine", default="auto", choices=("auto", "openvino", "onnxruntime"))
    parser.add_argument("--precision", default="auto", choices=("auto", "bf16", "fp32"))
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the engine (default: its choice)")
    parser.add_argument("--pixel-budget", type=int, metavar="PIXELS", help="instead of the card's")


def load_for(args: argparse.Namespace, model: str) -> tuple[Path, Predictor, SegmentationDataset]:
    """A model's bundle folder, its predictor, and the split in its taxonomy, as the shared arguments say."""
    bundle = resolve_model(model)
    predictor = Predictor.load(
        bundle,
        engine=args.engine,
        precision=args.precision,
        threads=args.threads,
        pixel_budget=args.pixel_budget,
    )
    try:
        return bundle, predictor, open_dataset(args.data, args.split, predictor.card.taxonomy.id)
    except RemapError as error:
        raise UserError(f"{args.data} has no labels in the classes of {predictor.card.name}: {error}") from None
