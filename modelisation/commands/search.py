"""`search`: search hyper-parameters of a recipe at random."""

import argparse
import logging
import shlex
from pathlib import Path

from modelisation.commands.arguments import add_training_threads, at_least, use_threads
from modelisation.tuning.results import DATABASE
from modelisation.tuning.space import DEFAULT_SPACE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "example:\n  python -m modelisation search modelisation/recipes/deeplabv3plus.yaml --data path/to/camvid"
        " --trials 20 --set epochs=4\n\nThe splits are devtrain and dev, which CamVid has; for other data add"
        " --set train_split=train --set val_split=val."
    )
    parser.add_argument("recipe", type=Path, help="YAML file, for example modelisation/recipes/deeplabv3plus.yaml")
    parser.add_argument("--data", type=Path, required=True, help="folder of Cityscapes, CamVid or images/labels")
    parser.add_argument(
        "--trials", type=at_least(1), default=20, metavar="N", help="trials in all, earlier ones counted in"
    )
    parser.add_argument("--space", type=Path, default=DEFAULT_SPACE, metavar="FILE", help="YAML of what to draw")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="recipe field of every trial")
    parser.add_argument("--run-dir", type=Path, help="folder for the trial at work (default: runs/search_<recipe>)")
    add_training_threads(parser)
    parser.add_argument("--study", type=Path, default=DATABASE, metavar="FILE", help="SQLite file of the study")


def run(args: argparse.Namespace) -> int:
    from modelisation.processes import ranks
    from modelisation.training.stopping import INTERRUPTED_EXIT, Interrupted
    from modelisation.tuning.search import best_overrides, finished_trials, search
    from modelisation.tuning.space import load_space

    ranks.alone("search")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    use_threads(args.threads)
    space = load_space(args.space)
    try:
        study = search(
            args.recipe,
            args.data,
            space,
            trials=args.trials,
            overrides=args.set,
            database=args.study,
            run_dir=args.run_dir,
        )
    except Interrupted:
        print(f"\nStopped; the trials so far are in {args.study}. The same command goes on.")
        return INTERRUPTED_EXIT
    best = best_overrides(study)
    print(
        f"Best of {len(finished_trials(study))} trials: mIoU {study.best_value:.4f} "
        f"(trial {study.best_trial.number + 1})"
    )
    print(f"{args.recipe} {' '.join(f'--set {shlex.quote(override)}' for override in best)}")
    return 0
