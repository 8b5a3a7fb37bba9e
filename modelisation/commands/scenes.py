"""`scenes`: render street scenes as a data set."""

import argparse
from pathlib import Path

from tqdm import tqdm

from back.runtime.errors import UserError
from modelisation.scenes.writer import write_scenes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example:\n  python -m modelisation scenes out/scenes --count 100 --size 512 1024"
    parser.add_argument("root", type=Path, metavar="DIR", help="folder to write, in the Cityscapes layout")
    parser.add_argument("--count", type=int, default=100, help="training scenes (default: 100)")
    parser.add_argument("--val", type=int, help="validation scenes (default: a fifth of --count, at least one)")
    parser.add_argument("--size", type=int, nargs=2, default=(512, 1024), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    if args.count < 1 or min(args.size) < 16:
        raise UserError(f"--count {args.count} --size {args.size}: wanted at least one scene of 16 x 16 pixels")
    counts = {"train": args.count, "val": max(1, args.count // 5) if args.val is None else args.val}
    with tqdm(total=sum(counts.values()), desc="rendering", unit="img") as bar:
        write_scenes(args.root, counts, args.size[0], args.size[1], args.seed, bar.update)
    print(f"{sum(counts.values())} scenes are in {args.root}; train on them with --data {args.root}")
    return 0
