"""Training beside the usual libraries: `make benchmark-training`.

A step on ready crops, and whole epochs from files to a score, of the recipes for DeepLabV3+ and SegFormer without
their teachers, which the libraries' ways have not. All ways take turns in short blocks. Photos are CamVid's, or
rendered where it is not there.
"""

import argparse
import datetime
import gc
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from back.runtime.process.threads import available_cpus
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.models import build_model
from modelisation.provenance import REPOSITORY, git_state, machine, package_versions
from modelisation.recipe import Recipe, load_recipe
from modelisation.reports.readme import main as write_tables
from modelisation.reports.training_speed import TRAINING, training_lines
from modelisation.scenes.writer import write_scenes
from modelisation.training.samples.augment import Views
from modelisation.training.setup import training_data
from tests.benchmarks import training_epochs
from tests.benchmarks.failures import Failures
from tests.benchmarks.photos import CAMVID
from tests.benchmarks.training_ways import all_ways, criterion_for, ends_of_steps

MODELS = ("deeplabv3plus", "segformer")
QUICK = REPOSITORY / "out" / "benchmark" / "training.json"
# Of a block the first step does not count: a library's loop begins with it.
_STEPS = 4


def recipe_of(model: str, photos: int, epochs: int) -> Recipe:
    """A model's own recipe with its full crops, for so few photos and epochs."""
    short = [f"epoch_samples={photos}", f"epochs={epochs}", "warmup_steps=4", "distillation=null"]
    return load_recipe(REPOSITORY / "modelisation" / "recipes" / f"{model}.yaml", [*short, "small_crops_first=[]"])


def few_photos(camvid: Path, folder: Path, train: int, val: int) -> str:
    """Lay out so many photos of train and of val in a folder; says whose they are."""
    if not camvid.is_dir():
        write_scenes(folder, {"train": train, "val": val}, 360, 480)
        return "rendered scenes"
    for split, count in (("train", train), ("val", val)):
        whole = open_dataset(camvid, split, "street8")
        step = max(1, len(whole) // count)
        for item in whole.items[::step][:count]:
            for path in (item.image, item.label):
                link = folder / path.parent.name / path.name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.resolve())
    return "CamVid"


def crops_of(recipe: Recipe, data: SegmentationDataset, steps: int) -> list[Views]:
    """The first crops that training by a recipe takes, enough for so many steps."""
    model = build_model(recipe.architecture, len(data.taxonomy.classes), **recipe.build)
    samples, batches = training_data(recipe, data, model)
    keys = [key for batch in batches for key in batch]
    return [samples[key] for key in keys[: steps * recipe.batch_size]]


def time_steps(
    recipe: Recipe, data: SegmentationDataset, rounds: int, scratch: Path, failures: Failures
) -> list[dict[str, Any]]:
    """A row a way: wall and processor seconds of a step, the median of each round."""
    crops = crops_of(recipe, data, _STEPS)
    ways = {}
    for name, make in all_ways(scratch).items():

        def built(name: str = name, make: Any = make) -> Any:
            way = make(recipe, data, criterion_for(name, recipe, data))
            way(crops[: recipe.batch_size])  # compiles, and picks the fastest forms
            return way

        if (way := failures.attempt(f"{name}, {recipe.name}", built)) is not None:
            ways[name] = way
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in tqdm(range(rounds), f"{recipe.name}, steps", unit="round"):
        for name, way in ways.items():
            with ends_of_steps() as marks:
                way(crops)
            seconds[name].append(_median_step(marks))
    return [
        {"model": recipe.name, "way": name, "seconds": [s for s, _ in taken], "processor": [s for _, s in taken]}
        for name, taken in seconds.items()
    ]


def _median_step(marks: Sequence[tuple[float, float]]) -> tuple[float, float]:
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(marks)]
    wall, processor = (statistics.median(part) for part in zip(*steps, strict=True))
    return round(wall, 5), round(processor, 5)


def time_epochs(
    recipe: Recipe, data: Path, ways: Mapping[str, training_epochs.Way], rounds: int, scratch: Path,
    failures: Failures,
) -> list[dict[str, Any]]:  # fmt: skip
    """A row a way: seconds of an epoch, the median of each round, and the share that waited for pictures."""
    done: dict[str, list[training_epochs.Epochs]] = {name: [] for name in ways}
    for number in tqdm(range(rounds), f"{recipe.name}, epochs", unit="round"):
        for index, (name, way) in enumerate(ways.items()):
            folder = scratch / f"{recipe.name}-{number}-{index}"
            folder.mkdir()
            epochs = failures.attempt(f"{name}, {recipe.name}, epochs", lambda w=way, f=folder: w(recipe, data, f))
            if epochs is not None:
                done[name].append(epochs)
            gc.collect()
    return [
        {
            "model": recipe.name,
            "way": name,
            "seconds": [statistics.median(one.seconds) for one in epochs],
            "wait": None if epochs[0].wait is None else [one.wait for one in epochs],
            "miou": [one.miou for one in epochs],
        }
        for name, epochs in done.items()
        if len(epochs) == rounds
    ]


def run_benchmark(
    camvid: Path, scratch: Path, models: Iterable[str], threads: int, *, photos: int, val: int, rounds: int,
    epoch_rounds: int, epochs: int,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """The JSON report, once more after each model."""
    torch.set_num_threads(threads)
    failures = Failures()
    data = scratch / "photos"
    report: dict[str, Any] = {
        "schema_version": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **git_state(),
        "machine": machine(),
        "threads": threads,
        "load": os.getloadavg()[0],
        "packages": package_versions(),
        "data": few_photos(camvid, data, photos, val),
        "photos": photos,
        "val": val,
        "steps": [],
        "epochs": [],
        "failures": failures,
    }
    for model in models:
        recipe = recipe_of(model, photos, epochs)
        report |= {"batch": recipe.batch_size, "crop": list(recipe.augmentation.crop)}
        train = open_dataset(data, "train", recipe.taxonomy)
        report["steps"] += time_steps(recipe, train, rounds, scratch / "hf", failures)
        gc.collect()
        report["epochs"] += time_epochs(recipe, data, training_epochs.WAYS, epoch_rounds, scratch, failures)
        yield report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.training", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"a first impression, into {QUICK.parent.name}/ alone")
    parser.add_argument("--data", type=Path, default=CAMVID, metavar="DIR", help="CamVid's folder")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--threads", type=int, default=available_cpus(), help="of torch (default: every processor)")
    parser.add_argument("--rounds", type=int, nargs=2, metavar=("STEPS", "EPOCHS"), help="default: 5 2")
    parser.add_argument(
        "--photos", type=int, nargs=2, metavar=("TRAIN", "VAL"), help="of an epoch; default: all of CamVid's, 367 101"
    )
    args = parser.parse_args()
    size = (
        {"photos": 16, "val": 4, "rounds": 1, "epoch_rounds": 1, "epochs": 2}
        if args.quick
        else {"photos": 367, "val": 101, "rounds": 5, "epoch_rounds": 2, "epochs": 2}
    )
    if args.rounds:
        size |= dict(zip(("rounds", "epoch_rounds"), args.rounds, strict=True))
    if args.photos:
        size |= dict(zip(("photos", "val"), args.photos, strict=True))
    path = QUICK if args.quick else TRAINING
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for report in run_benchmark(args.data, Path(scratch), args.models, args.threads, **size):
            path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
            print("\n".join(training_lines(path)), flush=True)
    return 0 if args.quick else write_tables()


if __name__ == "__main__":
    sys.exit(main())
