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
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help=f"begin with the weights and the network of a trained model ({MODEL_HELP}), for other classes too",
    )
    parser.add_argument("--run-dir", type=Path, help="folder of the run (default: runs/<name of the recipe>)")
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


def _train(args: argparse.Namespace) -> int:
    with quick_imports():
        # With these MLflow makes tables and accelerate asks SageMaker: training does neither.
        with without("pandas", "pyarrow", "boto3"):
            import accelerate  # noqa: F401
            import mlflow  # noqa: F401
        from modelisation.provenance import REPOSITORY
        from modelisation.recipe import load_recipe
        from modelisation.registry.versions import resolve_model
        from modelisation.training.fit import train
        from modelisation.training.setup import begin_with
        from modelisation.training.stopping import INTERRUPTED_EXIT, Interrupted

        gc.freeze()  # what was imported stays: the collector need not look through it

    recipe = load_recipe(args.recipe, args.set)
    if args.classes:
        recipe = recipe.model_copy(update={"taxonomy": args.classes})
    if args.start:
        recipe = begin_with(recipe, resolve_model(args.start))
    run_dir = args.run_dir or REPOSITORY / "runs" / recipe.name
    try:
        bundle = train(
            recipe,
            args.data,
            run_dir,
            resume=args.resume,
            register=not args.no_register,
            scores_only=args.scores_only,
        )
    except Interrupted:
        print(f"\nStopped; the checkpoint is in {run_dir}. Go on with the same command and --resume.")
        return INTERRUPTED_EXIT
    print(f"The bundle is in {bundle}")
    return 0
