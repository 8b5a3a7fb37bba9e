"""`evaluate` beside the usual ways to score a model: `make benchmark-evaluate`.

CamVid's val (rendered scenes of its size where it is not there) and scenes of 2048x1024; all ways take turns.
The official Cityscapes script, which has no network in it, is compared with our reading and scoring of the same PNGs.
"""

import argparse
import datetime
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from back.runtime.predictor import Predictor
from back.runtime.taxonomy import CITYSCAPES19
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.evaluation.cityscapes_protocol import evaluate_folders, write_label_ids
from modelisation.export.parity import sample_evenly
from modelisation.provenance import git_state, machine, package_versions
from modelisation.registry.bundled import FOLDER
from modelisation.reports.evaluation_speed import EVALUATION
from modelisation.reports.readme import main as write_tables
from modelisation.scenes.writer import write_scenes
from tests.benchmarks.evaluation_ways import Way, official_script, ours, torchmetrics_loop, transformers_loop
from tests.benchmarks.failures import Failures
from tests.benchmarks.material import make_material
from tests.benchmarks.photos import CAMVID, labelled_photos

OURS, OFFICIAL = "StreetSeg", "cityscapesscripts"
MODELS = ("segformer", "deeplabv3plus")
LARGE = (1024, 2048)


def run_benchmark(data: Path, scratch: Path, photos: int, scenes: int, rounds: int) -> dict[str, Any]:
    """The JSON report: for each kind of pictures and way the seconds of each round and the mIoU."""
    failures = Failures()
    write_scenes(scratch / "large", {"val": scenes}, *LARGE)
    val = open_dataset(data, "val", "street8") if data.is_dir() else labelled_photos(data, scratch / "small")
    small = sample_evenly(val, photos)
    kinds = {
        f"{small.dataset} {small.split}, {_size(small)}": small,
        f"rendered scenes, {LARGE[1]}x{LARGE[0]}": open_dataset(scratch / "large", "val", "street8"),
    }
    rows = []
    for name in MODELS:
        bundle = FOLDER / name
        ways = _ways(bundle, scratch, failures)
        for kind, dataset in kinds.items():
            rows += _timed(name, kind, dataset, ways, rounds, failures)
    rows += _official_rows(scratch, rounds)
    return {
        "schema_version": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **git_state(),
        "machine": machine(),
        "packages": package_versions(),
        "rounds": rounds,
        "rows": rows,
        "failures": dict(failures),
    }


def _ways(bundle: Path, scratch: Path, failures: Failures) -> dict[str, Way]:
    predictor = Predictor.load(bundle)
    material = make_material(bundle, scratch / "material")
    ways: dict[str, Way] = {OURS: ours(bundle, predictor)}
    if material.transformers_folder is not None:
        made = failures.attempt("transformers", lambda: transformers_loop(material))
        if made is not None:
            ways["transformers, mean_iou"] = made
    made = failures.attempt("torchmetrics", lambda: torchmetrics_loop(material))
    if made is not None:
        ways["torch loop, torchmetrics"] = made
    return ways


def _timed(
    model: str, kind: str, dataset: SegmentationDataset, ways: Mapping[str, Way], rounds: int, failures: Failures
) -> list[dict[str, Any]]:
    """A row a way; the first call of each warms it up with one picture."""
    one = dataset.subset(dataset.items[:1], dataset.split)
    alive = {
        name: way
        for name, way in ways.items()
        if failures.attempt(f"{name}, {model}", lambda w=way: w(one)) is not None
    }
    seconds: dict[str, list[float]] = {name: [] for name in alive}
    miou: dict[str, float] = {}
    for _ in tqdm(range(rounds), f"{model}, {kind}", unit="round"):
        for name, way in alive.items():
            start = time.perf_counter()
            miou[name] = float(np.nanmean(way(dataset)))
            seconds[name].append(time.perf_counter() - start)
    return [
        {"model": model, "pictures": kind, "images": len(dataset), "way": name, "seconds": taken, "miou": miou[name]}
        for name, taken in seconds.items()
    ]


def _official_rows(scratch: Path, rounds: int) -> list[dict[str, Any]]:
    """Reading and scoring of the same PNGs by the official script and by ours.

    Raises:
        RuntimeError: their scores differ: a wrong number is worse than none.
    """
    truth, predictions = scratch / "large" / "gtFine" / "val", scratch / "predictions"
    dataset = open_dataset(scratch / "large", "val", CITYSCAPES19.id)
    for index, item in enumerate(dataset.items):  # each scene's labels, shifted: right in most places, wrong in some
        write_label_ids(np.roll(dataset.label(index), 9, axis=1), item.name, predictions)
    ways: dict[str, Callable[[], float]] = {
        OURS: lambda: float(evaluate_folders(truth, predictions)["miou_classes"]),
        OFFICIAL: lambda: float(official_script(truth, predictions)["averageScoreClasses"]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    miou = {name: way() for name, way in ways.items()}
    if miou[OURS] != miou[OFFICIAL]:
        raise RuntimeError(f"the official script scores {miou[OFFICIAL]} where we score {miou[OURS]}")
    for _ in tqdm(range(rounds), "official script", unit="round"):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    kind = f"PNGs of labels, {LARGE[1]}x{LARGE[0]}"
    return [
        {"model": None, "pictures": kind, "images": len(dataset), "way": name, "seconds": taken, "miou": miou[name]}
        for name, taken in seconds.items()
    ]


def _size(dataset: SegmentationDataset) -> str:
    height, width = dataset.label(0).shape
    return f"{width}x{height}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.evaluation", description=__doc__)
    parser.add_argument("--data", type=Path, default=CAMVID, metavar="DIR", help="CamVid's folder")
    parser.add_argument("--photos", type=int, default=101, help="of val (default: 101, all of CamVid's)")
    parser.add_argument("--scenes", type=int, default=8, help="of 2048x1024 (default: 8)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=EVALUATION, metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = run_benchmark(args.data, Path(scratch), args.photos, args.scenes, args.rounds)
    args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return write_tables() if args.json.resolve() == EVALUATION else 0


if __name__ == "__main__":
    sys.exit(main())
