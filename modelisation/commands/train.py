"""`train`: train a recipe, export its bundle, register it."""

import argparse
import gc
import logging
from pathlib import Path

from back.runtime.errors import UserError, sentence_of
from back.runtime.process.modules import quick_imports, without
from modelisation.commands.arguments import (
    CLASSES_HELP,
    MODEL_HELP,
    add_scores_only,
    add_training_threads,
    use_threads,
)

_MISTAKE = 2  # as `__main__` ends for the process that says it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "example:\n  python -m modelisation train modelisation/recipes/segformer.yaml --data path/to/camvid\n"
        "on eight GPUs (more: docs/scale.md):\n"
        "  torchrun --nproc-per-node 8 -m modelisation train modelisation/recipes/segformer.yaml --data path/to/data"
    )
    parser.add_argument("recipe", type=Path, help="YAML file, for example modelisation/recipes/segformer.yaml")
    parser.add_argument("--data", type=Path, required=True, help="folder of Cityscapes, CamVid or images/labels")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a recipe field")
    parser.add_argument("--classes", metavar="FILE", help=f"{CLASSES_HELP} (default: the recipe's, else the data's)")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help=f"begin with the weights and the network of a trained model ({MODEL_HELP}), for other classes too",
    )
    start.add_argument(
        "--earlier",
        action="store_true",
        help="before it train the recipes that it begins with, one after the other, each into the folder that the "
        "next one names; called again it goes on where it stopped",
    )
    parser.add_argument(
        "--run-dir",
        type=Path,
        help="folder of the run (default: runs/<name of the recipe>, with --earlier runs/<name of its file>)",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the run folder's checkpoint")
    add_training_threads(parser)
    add_scores_only(parser)
    parser.add_argument("--no-register", action="store_true", help="do not add the bundle to the MLflow registry")


def run(args: argparse.Namespace) -> int:
    with quick_imports():
        from modelisation.processes import ranks

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    use_threads(args.threads)
    try:
        with ranks.quiet():
            return _train(args)
    except (UserError, OSError) as error:
        if not ranks.is_first_to_say(sentence_of(error)):
            return _MISTAKE
        raise
    finally:
        gc.unfreeze()  # what is still frozen when Python ends counts as leaked, and triton prints a page of that


def _train(args: argparse.Namespace) -> int:
    with quick_imports():
        # With these MLflow makes tables and accelerate asks SageMaker: training does neither.
        with without("pandas", "pyarrow", "boto3"):
            import accelerate  # noqa: F401
            import mlflow  # noqa: F401
        from modelisation.processes import ranks
        from modelisation.provenance import REPOSITORY
        from modelisation.recipe import load_recipe
        from modelisation.registry.versions import resolve_model
        from modelisation.training.earlier import Run, default_run_dir, earlier_runs
        from modelisation.training.fit import train
        from modelisation.training.setup import begin_with, check_run_dir
        from modelisation.training.stopping import INTERRUPTED_EXIT, Interrupted

        gc.freeze()  # what was imported stays: the collector need not look through it

    recipe = load_recipe(args.recipe, args.set)
    if args.start:
        recipe = begin_with(recipe, resolve_model(args.start))
    run_dir = args.run_dir or (default_run_dir(args.recipe) if args.earlier else REPOSITORY / "runs" / recipe.name)
    runs = [Run(recipe, run_dir)]
    if args.earlier:
        ranks.alone("train --earlier")
        # Not after the hours of what comes before it.
        check_run_dir(recipe, run_dir, args.resume or runs[0].has_begun)
        runs = [*earlier_runs(args.recipe, args.set), *runs]
    for number, run in enumerate(runs, 1):
        is_last = number == len(runs)
        if len(runs) > 1:
            print(f"Run {number} of {len(runs)}, into {run.run_dir}")
        try:
            bundle = train(
                run.recipe.model_copy(update={"taxonomy": args.classes}) if args.classes else run.recipe,
                args.data,
                run.run_dir,
                resume=(args.earlier and run.has_begun) or (is_last and args.resume),
                register=is_last and not args.no_register,
                scores_only=args.scores_only or not is_last,
            )
        except Interrupted:
            again = "" if args.earlier else " and --resume"
            print(f"\nStopped; the checkpoint is in {run.run_dir}. Go on with the same command{again}.")
            return INTERRUPTED_EXIT
    print(f"The bundle is in {bundle}")
    return 0
