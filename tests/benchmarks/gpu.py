"""The engine `cuda` against the processor's: `make benchmark-gpu`, on a machine with an NVIDIA card; a few minutes.

For every bundled model, from the bytes of a 2048x1024 JPEG to its labels: milliseconds alone, photos a second with
16 clients (who go through the card in batches), and the share of pixels with the processor's label. Where there is no
card it ends with one sentence.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from back.runtime.engines.base import DeviceError, EngineKind
from back.runtime.imaging import MAX_FILE_PIXELS
from back.runtime.predictor import Predictor
from modelisation.provenance import git_state, machine, package_versions
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.reports.markdown import table
from tests.benchmarks.measure import interleaved, summary, timed
from tests.benchmarks.photos import CAMVID, Case, make_cases

ENGINES: tuple[EngineKind, ...] = ("cuda", "openvino")
_CLIENTS, _WARM_UP = 16, 5


def measure_model(
    bundle: Path, case: Case, rounds: int, seconds: float, engines: tuple[EngineKind, ...] = ENGINES
) -> list[dict[str, Any]]:
    """One row an engine; raises DeviceError where there is no card for `cuda`."""
    predictors = {kind: Predictor.load(bundle, engine=kind) for kind in engines}
    labels = {kind: predictor.predict(case.data, MAX_FILE_PIXELS).labels_HW for kind, predictor in predictors.items()}
    calls = {
        kind: timed(lambda predictor=predictor: predictor.predict(case.data, MAX_FILE_PIXELS))
        for kind, predictor in predictors.items()
    }
    for call in calls.values():
        for _ in range(_WARM_UP):
            call()
    times = interleaved(calls, rounds, what=bundle.name)
    return [
        {
            "model": predictor.card.name,
            "engine": f"{predictor.engine.name} {predictor.engine.precision}",
            "reason": predictor.engine.reason,
            "ms": summary(times[kind]),
            "images_per_second": photos_per_second(predictor, case, seconds),
            "agreement": float(np.mean(labels[kind] == labels[engines[-1]])),
        }
        for kind, predictor in predictors.items()
    ]


def photos_per_second(predictor: Predictor, case: Case, seconds: float) -> float:
    """Photos a second of 16 clients who each ask again when they have their answer."""
    end = time.perf_counter() + seconds

    def client() -> int:
        count = 0
        while time.perf_counter() < end:
            predictor.predict(case.data, MAX_FILE_PIXELS)
            count += 1
        return count

    with ThreadPoolExecutor(_CLIENTS) as pool:
        start = time.perf_counter()
        asked = [pool.submit(client) for _ in range(_CLIENTS)]
        done = sum(future.result() for future in asked)
    return round(done / (time.perf_counter() - start), 2)


def lines(report: dict[str, Any]) -> list[str]:
    """The report as a table."""
    return table(
        ("model, engine", "p50 ms", "p95 ms", "photos/s, 16 clients", "pixels as the processor's %"),
        [
            [
                f"{row['model']}, {row['engine']}",
                f"{row['ms']['p50']:.2f}",
                f"{row['ms']['p95']:.2f}",
                f"{row['images_per_second']:.1f}",
                f"{100 * row['agreement']:.3f}",
            ]
            for row in report["rows"]
        ],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.add_argument("--data", type=Path, default=CAMVID, metavar="DIR", help="CamVid's folder (default: scenes)")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement with 16 clients")
    parser.add_argument("--json", type=Path, default=Path("out/benchmark/gpu.json"), metavar="FILE")
    args = parser.parse_args(arguments)
    case = make_cases(args.data)[0]
    try:
        rows = [
            row for bundle in find_bundles(FOLDER) for row in measure_model(bundle, case, args.rounds, args.seconds)
        ]
    except DeviceError as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        return 1
    report = {"photo": case.name, **git_state(), "machine": machine(), "packages": package_versions(), "rows": rows}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines(report)))
    print(f"\nThe report is in {args.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
