"""`ablate`: train variants of a recipe and tabulate what each choice is worth."""

import argparse
import logging
from pathlib import Path

from modelisation.commands.arguments import add_training_threads, at_least, use_threads
from modelisation.tuning.results import RESULTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "example:\n  python -m modelisation ablate modelisation/recipes/ablations/deeplabv3plus.yaml"
        " --data path/to/camvid"
    )
    parser.add_argument("file", type=Path, help="YAML file: a recipe, what all runs change, and the variants")
    parser.add_argument("--data", type=Path, required=True, help="folder of Cityscapes, CamVid or images/labels")
    parser.add_argument(
        "--seeds", type=at_least(1), default=1, metavar="N", help="runs of each variant, with seeds of their own"
    )
    add_training_threads(parser)
    parser.add_argument("--run-dir", type=Path, help="folder for the runs at work (default: runs/ablation_<file>)")
    parser.add_argument(
        "--json", type=Path, default=RESULTS, metavar="FILE", help="results of every ablation; the table is printed"
    )


def run(args: argparse.Namespace) -> int:
    from modelisation.processes import ranks
    from modelisation.reports.ablations import ablation_table
    from modelisation.training.stopping import INTERRUPTED_EXIT, Interrupted
    from modelisation.tuning.ablate import ablate

    ranks.alone("ablate")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    use_threads(args.threads)
    try:
        ablation = ablate(
            args.file,
            args.data,
            seeds=args.seeds,
            results=args.json,
            run_dir=args.run_dir,
        )
    except Interrupted:
        print(f"\nStopped; what is done is in {args.json}. The same command goes on.")
        return INTERRUPTED_EXIT
    print(ablation_table(ablation))
    return 0
