"""Seconds of training until a network is good enough: a recipe against the libraries' examples.

    python -m tests.benchmarks.to_quality --data ../shared/camvid --threads 1

All ways begin with the same weights, learn the clips of `devtrain` and are scored on `dev`, as `evaluate` scores.
They take turns, an epoch each, so that whatever else the machine does meets all alike. Seconds are those of training
with its waiting for data; reading the scores, which each does as often, is left out. A way that is not there after
its last epoch, or after more than twice the seconds that ours took, is told by the best that it reached.
"""

import argparse
import datetime
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from back.runtime.card import HISTORY_FILE
from back.runtime.process.threads import available_cpus
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.provenance import git_state, machine
from modelisation.recipe import Recipe, load_recipe
from modelisation.reports.readme import main as write_tables
from modelisation.reports.to_quality import OURS, TO_QUALITY, best_of, seconds_to, to_quality_table
from modelisation.training.fit import fit
from modelisation.training.stopping import Interrupted
from tests.benchmarks.photos import CAMVID
from tests.benchmarks.plain_recipes import PLAIN, learn

# The recipe's schedule is made for an hour; this one for minutes, as `modelisation ablate` has it.
SHORT = (
    "lr=2.0e-3", "warmup_steps=60", "ema_decay=0.99", "loss.ohem=1.0",
    "batch_size=4", "augmentation.crop=[352, 480]", "augmentation.scale=[0.7, 2.0]",
)  # fmt: skip
# The question is whether a way takes twice as long as ours: one that has trained for longer is not waited for.
_ANSWERED = 2.1


@dataclass
class Course:
    """What one way reached: after each epoch the seconds trained until then, and mIoU (0..1)."""

    points: list[tuple[float, float]] = field(default_factory=list)

    def add(self, seconds: float, miou: float) -> None:
        before = self.points[-1][0] if self.points else 0.0
        self.points.append((round(before + seconds, 3), round(miou, 5)))

    def reached(self, goal: float) -> bool:
        return best_of(self.points) >= goal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=Path("modelisation/recipes/deeplabv3plus.yaml"))
    parser.add_argument("--data", type=Path, default=CAMVID)
    parser.add_argument("--splits", nargs=2, default=("devtrain", "dev"), metavar=("TRAIN", "DEV"))
    parser.add_argument("--goal", type=float, default=0.6, help="mIoU, 0..1")
    parser.add_argument("--epochs", type=int, default=8, help="of each way at most")
    parser.add_argument("--pictures", type=int, default=496, help="an epoch; its end is when scores are read")
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    parser.add_argument("--set", action="append", default=list(SHORT), help="of the recipe, as `train` takes it")
    parser.add_argument("--json", type=Path, default=TO_QUALITY, help="where the courses go, after each epoch")
    parser.add_argument("--threads", type=int, default=available_cpus(), help="of torch (default: every processor)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train_split, val_split = args.splits
    wishes = [*args.set, f"train_split={train_split}", f"val_split={val_split}", f"epochs={args.epochs}"]
    wishes += [f"epoch_samples={args.pictures}"]
    report: dict[str, Any] = {
        "schema_version": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **git_state(),
        "machine": machine(),
        "threads": args.threads,
        "load": os.getloadavg()[0],
        "recipe": args.recipe.stem,
        "data": f"{args.data.name}: {train_split}, scored on {val_split}",
        "settings": args.set,
        "epochs": args.epochs,
        "pictures": args.pictures,
        "goal": args.goal,
        "seeds": {},
    }
    with tempfile.TemporaryDirectory() as store:  # these runs are no one's to look up
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{store}/mlflow.db"
        for seed in args.seeds:

            def keep(courses: Mapping[str, Course], seed: int = seed) -> None:
                report["seeds"][str(seed)] = {name: course.points for name, course in courses.items()}
                args.json.parent.mkdir(parents=True, exist_ok=True)
                args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

            try:
                run_once(load_recipe(args.recipe, [*wishes, f"seed={seed}"]), args.data, args.goal, keep)
            except (Interrupted, KeyboardInterrupt):
                print(f"stopped in seed {seed}; what was trained until then is kept")
                break
    if not report["seeds"]:
        return 130
    print("\n".join(to_quality_table(report)))
    return write_tables() if args.json.resolve() == TO_QUALITY else 0


def run_once(
    recipe: Recipe, data: Path, goal: float, keep: Callable[[Mapping[str, Course]], None] = lambda _: None
) -> dict[str, Course]:
    """The course of every way from one start, each until the goal or the recipe's last epoch.

    Args:
        recipe: ours, whose start, splits, batches and crops the others have, too.
        data: CamVid's folder, or another labelled one.
        goal: mIoU, 0..1.
        keep: called with the courses whenever all ways have had their turn.

    Raises:
        Interrupted: by Ctrl-C.
    """
    train_set = open_dataset(data, recipe.train_split, recipe.taxonomy)
    val_set = open_dataset(data, recipe.val_split, recipe.taxonomy)
    courses = {name: Course() for name in (OURS, *PLAIN)}
    others = _take_turns(courses, recipe, train_set, val_set, goal)
    with tempfile.TemporaryDirectory() as scratch:
        run_dir = Path(scratch) / "run"

        def epoch_done(epoch: int, evaluated: Mapping[str, Any]) -> None:
            history = json.loads((run_dir / HISTORY_FILE).read_text(encoding="utf-8"))
            courses[OURS].add(history["metrics"]["epoch_seconds"][epoch - 1][1], evaluated["miou"])
            next(others, None)
            keep(courses)
            if courses[OURS].reached(goal):
                raise Interrupted

        try:
            fit(recipe, data, run_dir, on_epoch=epoch_done)
        except Interrupted:
            if not courses[OURS].reached(goal):  # Ctrl-C
                raise
    for _ in others:
        keep(courses)
    return courses


def _take_turns(
    courses: Mapping[str, Course],
    recipe: Recipe,
    train_set: SegmentationDataset,
    val_set: SegmentationDataset,
    goal: float,
) -> Iterator[None]:
    """One epoch of each example that is not done yet, a step of the iterator."""
    ways = {name: learn(plain, recipe, train_set, val_set) for name, plain in PLAIN.items()}
    while ways:
        for name, way in list(ways.items()):
            if (point := next(way, None)) is not None:
                courses[name].add(*point)
                print(f"{name}: {point[0]:.1f} s, mIoU {point[1]:.4f}", flush=True)
            if point is None or point[1] >= goal or _is_answered(courses[name], courses[OURS], goal):
                del ways[name]
        yield


def _is_answered(theirs: Course, ours: Course, goal: float) -> bool:
    mine = seconds_to(ours.points, goal)
    return mine is not None and theirs.points[-1][0] > _ANSWERED * mine


if __name__ == "__main__":
    sys.exit(main())
