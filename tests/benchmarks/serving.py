"""`make benchmark`: this server against the usual ways, same weights, same photos, same network input.

All ways of a model are called in turn (A B C A B C …), each in a process of its own, one model after the other. A way
that does not work here is a row that says so. Takes about forty minutes and writes docs/benchmark.json with the
tables of the pages; `--quick` takes a few minutes, with fewer rounds, and writes to out/ alone.
"""

import argparse
import datetime
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from back.runtime.card import BundleError
from modelisation.data.base import DatasetError
from modelisation.models import load_bundle_model
from modelisation.provenance import REPOSITORY, git_state, machine, package_versions
from modelisation.registry.bundled import FOLDER, find_bundles
from modelisation.reports.readme import main as write_tables
from modelisation.reports.speed import BENCHMARK, BENCHMARK_TABLES, describe_measurement
from tests.benchmarks.agreement import Reference
from tests.benchmarks.failures import Failures
from tests.benchmarks.large_photos import measure_large_photos
from tests.benchmarks.material import Material, make_material
from tests.benchmarks.photos import CAMVID, LARGE_BUDGET, Case, labelled_photos, make_cases
from tests.benchmarks.ready import ready_times
from tests.benchmarks.report import promises
from tests.benchmarks.rows import Rows
from tests.benchmarks.server import MIXED_REQUESTS, ApiProcess, MlflowProcess, register, soak
from tests.benchmarks.tricks import measure_tricks

QUICK = REPOSITORY / "out" / "benchmark" / "serving.json"


def run_benchmark(bundles: Sequence[Path], data: Path, *, quick: bool, scratch: Path) -> dict[str, Any]:
    """Measure everything.

    Args:
        bundles: the models.
        data: CamVid's folder; rendered scenes stand in where it is missing.
        quick: few rounds.
        scratch: an empty folder for models, stores and caches.

    Returns:
        The report, as docs/benchmark.json holds it.
    """
    rounds, seconds = (3, 2.0) if quick else (20, 6.0)
    print("Writing the weights in the form that each way wants …", flush=True)
    failures = Failures()
    attempt = failures.attempt
    materials = [make_material(bundle, scratch / "material") for bundle in bundles]
    names = [material.name for material in materials]
    cases, labelled = make_cases(data), labelled_photos(data, scratch / "scenes")
    references = _references(materials, failures)
    for bundle in bundles:
        attempt(f"registering {bundle.name}", lambda bundle=bundle: register([bundle], scratch))
    print("Starting the API, cold and warm …", flush=True)
    ready_s = attempt("the time to /readyz", lambda: ready_times(scratch, warm_starts=1 if quick else 5))
    mlflow = MlflowProcess(scratch)
    large, own = (ApiProcess(mlflow.url, scratch, f"cache-{budget}", budget) for budget in (LARGE_BUDGET, None))
    urls = {LARGE_BUDGET: large.url, None: own.url}
    measured: list[Rows] = []
    reference_miou: dict[str, float] = {}
    health_ms: list[float] = []
    try:
        attempt("MLflow", mlflow.start)
        attempt("the API", large.start)
        memory = attempt("mixed requests", lambda: soak(large, cases, names, 50 if quick else MIXED_REQUESTS))
        attempt("the API at the cards' pixel budget", own.start)
        for material in materials:
            reference = references.get(material.name)
            rows = Rows(material, urls)
            measured.append(rows)
            rows.measure_photo(cases[0], rounds, reference, headline=True)
            health_ms += rows.measure_throughput(seconds, large.url)
            rows.stop_headline_ways()
            for case in cases[1:]:
                rows.measure_photo(case, rounds, reference, headline=False)
            score = rows.measure_miou(labelled, reference)
            if score is not None:
                reference_miou[material.name] = score
            rows.stop()
        large_photos = attempt(
            "mIoU on large photos", lambda: measure_large_photos(labelled, materials, urls, references)
        )
        scores = {name: reference.scores(cases[0]) for name, reference in references.items()}
        tricks = attempt("tricks", lambda: measure_tricks(materials, scores, cases[0], rounds))
    finally:
        for rows in measured:
            rows.stop()
        large.stop()
        own.stop()
        mlflow.stop()
    all_rows = [row for rows in measured for row in rows.rows]
    for row in all_rows:
        if row["stages"] and memory:
            row["peak_rss_bytes"] = memory["peak_rss_bytes"]
    report = {
        "schema_version": 2,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **git_state(),
        "machine": machine(),
        "packages": package_versions(),
        "pictures": "CamVid" if data.is_dir() else "rendered scenes",
        "rounds": rounds,
        "models": names,
        "model_sha256": {m.name: m.card.files["model.onnx"] for m in materials},
        "photos": [_photo(case, materials) for case in cases],
        "rows": all_rows,
        "throughput": [rate for rows in measured for rate in rows.throughput],
        "reference_miou": reference_miou,
        "large_photos": large_photos or [],
        "memory": memory,
        "ready_s": ready_s,
        "healthz_ms": health_summary(health_ms),
        "tricks": tricks or [],
        "failures": dict(failures),
    }
    return report | {"promises": promises(report)}


def _references(materials: Sequence[Material], failures: Failures) -> dict[str, Reference]:
    """PyTorch in fp32 for every model that it loads."""
    references = {}
    for material in materials:
        failures.update({f"{material.name}, {form}": why for form, why in material.failures.items()})
        model = failures.attempt(f"{material.name}, reference", lambda m=material: load_bundle_model(m.bundle))
        if model is not None:
            references[material.name] = Reference(model, material.card)
    return references


def health_summary(times_ms: Sequence[float]) -> dict[str, float] | None:
    """Percentiles of /healthz's milliseconds, and how many there are; None where nobody asked."""
    if not times_ms:
        return None
    p50, p99 = np.percentile(times_ms, (50, 99)).tolist()
    return {"p50": round(p50, 2), "p99": round(p99, 2), "requests": len(times_ms)}


def _photo(case: Case, materials: Sequence[Material]) -> dict[str, Any]:
    inputs = [case.network_input(material.card.input) for material in materials]  # models pad to strides of their own
    return {
        "name": case.name,
        "network_input": " or ".join(dict.fromkeys(f"{width}x{height}" for height, width in inputs)),
        "pixel_budget": case.pixel_budget,
        "bytes": len(case.data),
    }


def print_report(report: dict[str, Any]) -> None:
    """All tables, for a terminal."""
    for name, table in BENCHMARK_TABLES.items():
        print(f"\n{name}\n" + "\n".join(table(report)))
    ready, memory, health = report["ready_s"], report["memory"], report["healthz_ms"]
    if ready:
        print(
            f"\nready after {ready['cold']:.1f} s with nothing cached, {ready['warm']:.1f} s with a warm cache "
            f"({ready['environment']} environment)"
        )
    if memory:
        print(
            f"API memory after {memory['requests']} mixed requests: peak {memory['peak_rss_bytes'] / 1e6:.0f} MB, "
            f"grown by {memory['growth_bytes'] / 1e6:+.1f} MB over the last three fifths"
        )
    if health:
        print(f"/healthz while saturated: p50 {health['p50']} ms, p99 {health['p99']} ms")
    for what, why in report["failures"].items():
        print(f"failed: {what}: {why}")
    print(f"\n{describe_measurement(report)}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line. A quick run never writes into docs/: its numbers are too few to be told."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.serving",
        description="Compare this server with the usual ways to run the same networks.",
        epilog="example: python -m tests.benchmarks.serving --quick",
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: minutes instead of forty; into out/")
    parser.add_argument(
        "--json",
        type=Path,
        help="file for the report (default: docs/benchmark.json, and the tables of the pages; with --quick "
        f"{QUICK.relative_to(REPOSITORY)})",
    )
    parser.add_argument("--bundles", type=Path, default=FOLDER, help="folder of bundles (default: the shipped ones)")
    parser.add_argument("--data", type=Path, default=CAMVID, help="CamVid (default: ../shared/camvid, else scenes)")
    options = parser.parse_args(arguments)
    options.json = options.json or (QUICK if options.quick else BENCHMARK)
    if options.quick and options.json.resolve().is_relative_to(BENCHMARK.parent):
        parser.error("--quick measures too little for docs/; leave --json out, or name a file elsewhere")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    # As Ctrl-C does: no process of the benchmark outlives it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            bundles = find_bundles(options.bundles)
            report = run_benchmark(bundles, options.data, quick=options.quick, scratch=Path(scratch))
    except (BundleError, DatasetError) as error:
        print(error, file=sys.stderr)
        return 1
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print_report(report)
    print(f"\nThe report is in {options.json}")
    return write_tables() if options.json.resolve() == BENCHMARK else 0


if __name__ == "__main__":
    sys.exit(main())
