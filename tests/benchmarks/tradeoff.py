"""Accuracy against latency: every bundled model in fp32, bf16 and int8 at three pixel budgets, over HTTP.

All ways see the same labelled photos in turn (photo 1: A B C …, photo 2: A B C …), so that one pass gives both the
mIoU and times that meet the same machine. The peer is ONNX Runtime on the same int8 file, between the usual steps.
`make benchmark-tradeoff` writes docs/tradeoff.json, the figure beside it, and the table of docs/performance.md. The
int8 bundles are those in out/int8, made there by `modelisation quantise` (which needs NNCF) where they are missing.
"""

import argparse
import datetime
import json
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from back.runtime.card import ONNX_FILE, Card, read_card
from back.runtime.engines.base import Precision
from back.runtime.masks.colour import palette_of
from back.runtime.process.threads import available_cpus
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.export.int8.quantise import quantise_bundle
from modelisation.export.parity import sample_evenly
from modelisation.figures.comparison import tradeoff_figure
from modelisation.figures.run import png_of
from modelisation.provenance import git_state, machine, package_versions
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.reports.readme import main as write_tables
from modelisation.reports.tradeoff import FIGURE, PEER, TRADEOFF
from tests.benchmarks.agreement import miou
from tests.benchmarks.failures import Failures
from tests.benchmarks.photos import CAMVID, LABELLED, Case, labelled_photos
from tests.benchmarks.server import ApiProcess, MlflowProcess, register
from tests.benchmarks.usual import UsualSteps, labels_of

BUDGETS = (86_400, 172_800, 345_600)  # half of a CamVid frame's pixels, all of them, twice as many
INT8 = Path("out/int8")
_WARM_UP = 26  # until every network that is compiled for a size is there
_CALIBRATION = 32
Ask = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Way:
    """One point of the table."""

    model: str
    precision: str
    server: str  # `StreetSeg`, or the peer
    ask: Ask
    card: Card


def measure(budget: int, ways: list[Way], photos: SegmentationDataset, failures: Failures) -> list[dict[str, Any]]:
    """One row a way at one pixel budget: the median milliseconds of a photo, with the quartiles, and the mIoU."""
    files = [item.image.read_bytes() for item in photos.items]
    truth = [sample.label for sample in photos]
    alive = {}
    for way in tqdm(ways, f"warming up at {budget:,} pixels", unit="way"):
        name = f"{way.server}, {way.model} {way.precision}, {budget} pixels"
        if failures.attempt(name, lambda way=way: [way.ask(files[0]) for _ in range(_WARM_UP)]) is not None:
            alive[name] = way
    times: dict[str, list[float]] = {name: [] for name in alive}
    masks: dict[str, list[bytes]] = {name: [] for name in alive}
    for data in tqdm(files, f"photos at {budget:,} pixels", unit="photo"):
        for name, way in alive.items():
            start = time.perf_counter()
            masks[name].append(way.ask(data))
            times[name].append((time.perf_counter() - start) * 1e3)
    return [
        {
            "model": way.model,
            "precision": way.precision,
            "server": way.server,
            "pixel_budget": budget,
            "ms": [round(value, 2) for value in times[name]],
            "miou": miou([labels_of(mask, palette_of(way.card.taxonomy)) for mask in masks[name]], truth, way.card),
        }
        for name, way in alive.items()
    ]


def over_http(url: str, model: str) -> Ask:
    """POST /predict of one model."""
    session = requests.Session()

    def ask(data: bytes) -> bytes:
        answer = session.post(f"{url}/predict", params={"model": model}, files={"image": data}, timeout=120)
        answer.raise_for_status()
        return answer.content

    return ask


def by_onnx_runtime(bundle: Path, card: Card, budget: int) -> Ask:
    """The bundle's file in ONNX Runtime, between the usual steps, in this process."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cpus()
    # As our servers' engines do: it shares the processors with them here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(bundle / ONNX_FILE), options, providers=["CPUExecutionProvider"])
    steps = UsualSteps(card)

    def ask(data: bytes) -> bytes:
        from io import BytesIO

        from PIL import Image

        with Image.open(BytesIO(data)) as photo:
            size = Case("", b"", photo.height, photo.width, budget).network_input(card.input)
        pixels, photo_size = steps.prepare(data, size)
        return steps.finish(torch.from_numpy(session.run(None, {"image": pixels})[0]), photo_size)

    return ask


def int8_bundles(bundles: list[Path], data: Path, failures: Failures, *, make_them: bool) -> dict[str, Path]:
    """Name of a bundled model -> its int8 form, made now where it is not there and is to be made."""
    found = {}
    for bundle in bundles:
        out = INT8 / bundle.name
        if not out.exists() and not make_them:
            failures[f"int8 of {bundle.name}"] = "not made for this run"
        elif not out.exists():
            print(f"quantising {bundle.name} into {out}", flush=True)

            def make(bundle: Path = bundle, out: Path = out) -> Path:
                train, val = (open_dataset(data, split, read_card(bundle).taxonomy) for split in ("train", "val"))
                name = f"{read_card(bundle).name}-int8"
                few, judged = sample_evenly(train, _CALIBRATION), sample_evenly(val, LABELLED)
                return quantise_bundle(bundle, out, name, few, judged, progress=True)

            failures.attempt(f"int8 of {bundle.name}", make)
        if out.exists():
            found[bundle.name] = out
    return found


def run_benchmark(data: Path, scratch: Path, photos: int, *, quantise: bool) -> dict[str, Any]:
    failures = Failures()
    bundles = list(find_bundles(FOLDER))
    int8 = int8_bundles(bundles, data, failures, make_them=quantise)
    labelled = sample_evenly(labelled_photos(data, scratch / "scenes"), photos)
    register([*bundles, *int8.values()], scratch)
    mlflow = MlflowProcess(scratch)
    rows: list[dict[str, Any]] = []
    try:
        mlflow.start()
        for budget in BUDGETS:
            rows += _at_budget(budget, bundles, int8, mlflow.url, scratch, labelled, failures)
    finally:
        mlflow.stop()
    return {
        "schema_version": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **git_state(),
        "machine": machine(),
        "packages": package_versions(),
        "dataset": labelled.dataset,
        "split": labelled.split,
        "split_sha256": labelled.split_sha256,
        "photos": len(labelled),
        "calibrated": {name: _record(bundle) for name, bundle in int8.items()},
        "rows": rows,
        "failures": dict(failures),
    }


def _record(bundle: Path) -> dict[str, Any] | None:
    record = read_card(bundle).quantisation
    return None if record is None else record.model_dump()


def _at_budget(
    budget: int,
    bundles: list[Path],
    int8: dict[str, Path],
    mlflow_url: str,
    scratch: Path,
    labelled: SegmentationDataset,
    failures: Failures,
) -> list[dict[str, Any]]:
    precisions: tuple[Precision, ...] = ("fp32", "auto")
    apis = {
        precision: ApiProcess(mlflow_url, scratch, f"cache-{precision}", budget, precision)
        for precision in precisions
    }
    try:
        for precision, api in apis.items():
            failures.attempt(f"the API in {precision} at {budget} pixels", api.start)
        ways = []
        for bundle in bundles:
            card = read_card(bundle)
            if card.input.fixed_size is not None and budget != BUDGETS[1]:
                continue  # takes one size alone
            ways += [
                Way(card.name, name, "StreetSeg", over_http(apis[precision].url, card.name), card)
                for name, precision in (("fp32", "fp32"), ("bf16", "auto"))
            ]
            if bundle.name in int8:
                small = read_card(int8[bundle.name])
                ways.append(Way(card.name, "int8", "StreetSeg", over_http(apis["auto"].url, small.name), small))
                peer = failures.attempt(
                    f"{PEER}, {card.name}", lambda s=small, b=bundle: by_onnx_runtime(int8[b.name], s, budget)
                )
                if peer is not None:
                    ways.append(Way(card.name, "int8", PEER, peer, small))
        return measure(budget, ways, labelled, failures)
    finally:
        for api in apis.values():
            api.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tradeoff", description=__doc__)
    parser.add_argument("--data", type=Path, default=CAMVID, metavar="DIR", help="CamVid's folder")
    parser.add_argument("--photos", type=int, default=LABELLED, help=f"of val (default: {LABELLED})")
    parser.add_argument("--no-quantise", action="store_true", help="only the int8 bundles that are there")
    parser.add_argument("--json", type=Path, default=TRADEOFF, metavar="FILE")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # no process of the benchmark outlives it
    with tempfile.TemporaryDirectory() as scratch:
        report = run_benchmark(args.data, Path(scratch), args.photos, quantise=not args.no_quantise)
    args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for row in report["rows"]:
        print(
            f"{row['model']} {row['precision']} {row['server']} {row['pixel_budget']}: "
            f"{statistics.median(row['ms']):.1f} ms, mIoU {100 * row['miou']:.2f}"
        )
    for what, why in report["failures"].items():
        print(f"failed: {what}: {why}")
    if args.json.resolve() != TRADEOFF:
        return 0
    FIGURE.write_bytes(png_of(tradeoff_figure(report)))
    return write_tables()


if __name__ == "__main__":
    sys.exit(main())
