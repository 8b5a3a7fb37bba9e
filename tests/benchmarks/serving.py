"""`make benchmark`: this server against the usual ways, same weights, same photos, same network input.

All ways are called in turn (A B C A B C …) in one session, each in a process of its own. A way that does not work
here is a row that says so. Takes about half an hour; `--quick` a few minutes, with fewer rounds.
"""

import argparse
import datetime
import json
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from back.runtime.card import BundleError
from modelisation.bundled_models import FOLDER, find_bundles
from modelisation.data import DatasetError
from modelisation.lineage import REPOSITORY, git_state, machine, package_versions
from modelisation.models import load_bundle_model
from modelisation.speed_tables import BENCHMARK, SPEED_TABLES, measured_on
from modelisation.tables import main as write_tables
from tests.benchmarks.agreement import Reference
from tests.benchmarks.material import Material, make_material
from tests.benchmarks.photos import LARGE_BUDGET, Case, labelled_photos, make_cases
from tests.benchmarks.report import promises
from tests.benchmarks.rows import Rows
from tests.benchmarks.server import MIXED_REQUESTS, ApiProcess, ServerError, register, soak
from tests.benchmarks.tricks import measure_tricks

CAMVID = REPOSITORY.parent / "shared" / "camvid"


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
    rounds, seconds = (3, 2.0) if quick else (20, 10.0)
    print("Writing the weights in the form that each way wants …", flush=True)
    materials = [make_material(bundle, scratch / "material") for bundle in bundles]
    cases = make_cases(data)
    references = {m.name: Reference(load_bundle_model(m.bundle), m.card) for m in materials}
    register(bundles, scratch)
    ready_s = _ready_times(scratch, warm_starts=1 if quick else 5)
    large, own = (ApiProcess(scratch, f"cache-{budget}", budget) for budget in (LARGE_BUDGET, None))
    rows = None
    try:
        large.start()
        memory = soak(large, cases, [m.name for m in materials], 50 if quick else MIXED_REQUESTS)
        own.start()
        rows = Rows(materials, {LARGE_BUDGET: large.url, None: own.url})
        rows.measure_photo(cases[0], rounds, references, headline=True)
        health = rows.measure_throughput(seconds, large.url)
        rows.stop_headline_ways()
        for case in cases[1:]:
            rows.measure_photo(case, rounds, references, headline=False)
        reference_miou = rows.measure_miou(labelled_photos(data, scratch / "scenes"), references)
        for row in rows.rows:
            if row["stages"]:
                row["peak_rss_bytes"] = memory["peak_rss_bytes"]
        rows.stop()
        scores = {name: reference.scores(cases[0]) for name, reference in references.items()}
        tricks = measure_tricks(materials, scores, large.url, cases[0], rounds)
    finally:
        if rows is not None:
            rows.stop()
        large.stop()
        own.stop()
    report = {
        "schema_version": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **git_state(),
        "machine": machine(),
        "packages": package_versions(),
        "pictures": "CamVid" if data.is_dir() else "rendered scenes",
        "rounds": rounds,
        "models": [m.name for m in materials],
        "model_sha256": {m.name: m.card.files["model.onnx"] for m in materials},
        "photos": [_photo(case, materials[0]) for case in cases],
        "rows": rows.rows,
        "throughput": rows.throughput,
        "reference_miou": reference_miou,
        "memory": memory,
        "ready_s": ready_s,
        "healthz_ms": health,
        "tricks": tricks,
    }
    return report | {"promises": promises(report)}


def _ready_times(scratch: Path, warm_starts: int) -> dict[str, float]:
    """Seconds to /readyz with nothing cached, and with everything cached (median)."""
    times = []
    for start in range(1 + warm_starts):
        print(f"Starting the API, {'warm' if start else 'cold'} …", flush=True)
        api = ApiProcess(scratch, f"cache-{LARGE_BUDGET}", LARGE_BUDGET)
        try:
            times.append(api.start())
        finally:
            api.stop()
    return {"cold": round(times[0], 2), "warm": round(statistics.median(times[1:]), 2)}


def _photo(case: Case, material: Material) -> dict[str, Any]:
    height, width = case.network_input(material.card.input)
    return {
        "name": case.name,
        "network_input": f"{width}x{height}",
        "pixel_budget": case.pixel_budget,
        "bytes": len(case.data),
    }


def print_report(report: dict[str, Any]) -> None:
    """All tables, for a terminal."""
    for name, table in SPEED_TABLES.items():
        print(f"\n{name}\n" + "\n".join(table(report)))
    ready, memory, health = report["ready_s"], report["memory"], report["healthz_ms"]
    print(f"\nready after {ready['cold']:.1f} s with nothing cached, {ready['warm']:.1f} s with a warm cache")
    print(
        f"API memory after {memory['requests']} mixed requests: peak {memory['peak_rss_bytes'] / 1e6:.0f} MB, "
        f"grown by {memory['growth_bytes'] / 1e6:+.1f} MB over the last three fifths"
    )
    if health:
        print(f"/healthz while saturated: p50 {health['p50']} ms, p99 {health['p99']} ms")
    print(f"\n{measured_on(report)}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.serving",
        description="Compare this server with the usual ways to run the same networks.",
        epilog="example: python -m tests.benchmarks.serving --json docs/benchmark.json (fills the tables as well)",
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: minutes instead of half an hour")
    parser.add_argument(
        "--json", type=Path, default=REPOSITORY / "out" / "benchmark" / "serving.json", help="file for the report"
    )
    parser.add_argument("--bundles", type=Path, default=FOLDER, help="folder of bundles (default: the shipped ones)")
    parser.add_argument("--data", type=Path, default=CAMVID, help="CamVid (default: ../shared/camvid, else scenes)")
    options = parser.parse_args(arguments)
    # As Ctrl-C does: no process of the benchmark outlives it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            bundles = find_bundles(options.bundles)
            report = run_benchmark(bundles, options.data, quick=options.quick, scratch=Path(scratch))
    except (BundleError, DatasetError, ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print_report(report)
    print(f"\nThe report is in {options.json}")
    return write_tables() if options.json.resolve() == BENCHMARK else 0


if __name__ == "__main__":
    sys.exit(main())
