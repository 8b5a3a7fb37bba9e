"""`scenes`: render street scenes as a data set."""

import argparse
from pathlib import Path

from back.runtime.errors import UserError
from modelisation.commands.arguments import at_least, describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        "Render street scenes with exact labels, or a drive through one street.",
        "scenes out/scenes --count 100 --size 512 1024",
        "scenes out/drive --drive 100 --size 360 480",
    )
    parser.add_argument("root", type=Path, metavar="DIR", help="folder to write, in the Cityscapes layout")
    parser.add_argument("--count", type=int, default=100, help="training scenes (default: 100)")
    parser.add_argument(
        "--drive",
        type=at_least(1),
        metavar="FRAMES",
        help="so many frames of one drive instead, 12.5 a second: a clip, drive.mp4, and its frames as split val",
    )
    parser.add_argument("--val", type=int, help="validation scenes (default: a fifth of --count, at least one)")
    parser.add_argument("--size", type=int, nargs=2, default=(512, 1024), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from modelisation.scenes.writer import write_drive, write_scenes

    if args.count < 1 or min(args.size) < 16:
        raise UserError(f"--count {args.count} --size {args.size}: wanted at least one scene of 16 x 16 pixels")
    if args.drive is not None:
        with tqdm(total=args.drive, desc="rendering", unit="frame") as bar:
            clip = write_drive(args.root, args.drive, args.size[0], args.size[1], args.seed, bar.update)
        print(
            f"{args.drive} frames are in {clip}; score a model on them with evaluate --data {args.root} --split val"
        )
        return 0
    counts = {"train": args.count, "val": max(1, args.count // 5) if args.val is None else args.val}
    with tqdm(total=sum(counts.values()), desc="rendering", unit="img") as bar:
        write_scenes(args.root, counts, args.size[0], args.size[1], args.seed, bar.update)
    print(f"{sum(counts.values())} scenes are in {args.root}; train on them with --data {args.root}")
    return 0
