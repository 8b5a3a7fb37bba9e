"""`export`: make the bundle of a run."""

import argparse
from pathlib import Path

from modelisation.commands.arguments import add_scores_only


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  python -m modelisation export runs/segformer --data path/to/camvid"
    parser.add_argument("run_dir", type=Path, metavar="RUN", help="folder of the run, for example runs/segformer")
    parser.add_argument("--data", type=Path, required=True, help="data set whose validation split the card reports")
    add_scores_only(parser)
    parser.add_argument("--no-register", action="store_true", help="do not add the bundle to the MLflow registry")


def run(args: argparse.Namespace) -> int:
    from modelisation.data.open import open_dataset
    from modelisation.export.from_run import export_run, recipe_of
    from modelisation.registry.register import register_run

    recipe = recipe_of(args.run_dir)
    val_set = open_dataset(args.data, recipe.val_split, recipe.taxonomy)
    train_set = open_dataset(args.data, recipe.train_split, recipe.taxonomy)
    bundle = export_run(args.run_dir, val_set, train_set, scores_only=args.scores_only)
    if not args.no_register:
        register_run(bundle)
    print(f"The bundle is in {bundle}")
    return 0
