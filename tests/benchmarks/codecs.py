"""Is another image library worth a dependency? Decode, resize and PNG of Pillow and of whatever else is importable.

    python -m pip install --target out/codecs --no-deps simplejpeg imagecodecs opencv-python-headless
    PYTHONPATH=out/codecs python -m tests.benchmarks.codecs --json docs/codecs.json

All libraries work in turn (A B C A B C …), on one thread each. A library that is missing is named, and the rest is
measured.
"""

import argparse
import datetime
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from back.runtime.upsample import upsample_argmax
from modelisation.provenance import REPOSITORY, machine, package_versions
from modelisation.reports.readme import main as write_tables
from modelisation.reports.speed import CODECS, codecs_table
from tests.benchmarks.codec_ways import (
    INPUT,
    LIBRARIES,
    UInt8Array,
    Work,
    decode_ways,
    half_size_ways,
    importable,
    png_ways,
    resize_ways,
    whole_ways,
)  # fmt: skip
from tests.benchmarks.measure import interleaved, summary
from tests.benchmarks.photos import CAMVID, labelled_photos, make_cases

PHOTOS = ("2048x1024 JPEG", "4000x3000 JPEG")


def measure(task: str, ways: Mapping[str, Work], rounds: int) -> list[dict[str, Any]]:
    """One row a way: times, how far its pixels are from Pillow's, and the bytes of the file where it writes one."""
    processor: dict[str, list[float]] = {name: [] for name in ways}

    def timed(name: str, work: Work) -> float:
        start, used = time.perf_counter(), time.process_time()
        work()
        processor[name].append((time.process_time() - used) * 1e3)
        return (time.perf_counter() - start) * 1e3

    first = {name: work() for name, work in ways.items()}
    calls = {name: lambda name=name, work=work: timed(name, work) for name, work in ways.items()}
    times = interleaved(calls, rounds, pause_s=0.01, what=task)
    return [
        {
            "task": task,
            "way": name,
            "ms": summary(times[name]),
            "best_processor_ms": round(min(processor[name]), 3),
            **_result(first[name], first["Pillow"]),
        }
        for name in ways
    ]


def _result(result: Any, pillow: Any) -> dict[str, Any]:
    if isinstance(result, bytes):
        return {"bytes": len(result), "changed": None, "mean_difference": None}
    difference = np.abs(np.asarray(result, np.int16) - np.asarray(pillow, np.int16))
    return {
        "bytes": None,
        "changed": round(float((difference > 0).mean()), 4),
        "mean_difference": round(float(difference.mean()), 3),
    }


def run_codecs(data: Path, rounds: int, scratch: Path) -> dict[str, Any]:
    """Measure every task on the benchmark's JPEGs; `data` is CamVid's folder, which may be missing."""
    libraries = importable()
    rows = []
    for case in make_cases(data):
        if case.name not in PHOTOS:
            continue
        for task, ways in (
            (f"decode, {case.name}", decode_ways(case.data, libraries)),
            (f"decode at half size, {case.name}", half_size_ways(case.data, libraries)),
            (f"resize to {INPUT[0]}x{INPUT[1]}, {case.name}", resize_ways(case.data, libraries)),
            (f"decode and resize, {case.name}", whole_ways(case.data, libraries)),
        ):
            rows += measure(task, ways, rounds)
    rows += measure("PNG of labels, 2048x1024", png_ways(_labels(data, scratch), libraries), rounds)
    return {
        "schema_version": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "pictures": "CamVid" if data.is_dir() else "rendered scenes",
        "rounds": rounds,
        "packages": package_versions(("pillow", *LIBRARIES.values())),
        "missing": [package for name, package in LIBRARIES.items() if name not in libraries],
        "rows": rows,
    }


def _labels(data: Path, scratch: Path) -> UInt8Array:
    """Labels with the smooth outlines of upsampled scores, uint8 [1024, 2048]."""
    label_HW = labelled_photos(data, scratch)[0].label
    scores_CHW = (label_HW == np.arange(8, dtype=np.uint8)[:, None, None]).astype(np.float32)
    return upsample_argmax(scores_CHW, 1024, 2048, *label_HW.shape)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.codecs",
        description="Compare image libraries at what serving a photo needs.",
        epilog="example: python -m tests.benchmarks.codecs --json docs/codecs.json (fills the page as well)",
    )
    parser.add_argument("--rounds", type=int, default=25, help="how often each library does each task (default: 25)")
    parser.add_argument(
        "--json", type=Path, default=REPOSITORY / "out" / "benchmark" / "codecs.json", help="file for the report"
    )
    parser.add_argument("--data", type=Path, default=CAMVID, help="CamVid (default: ../shared/camvid, else scenes)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        report = run_codecs(options.data, options.rounds, Path(scratch))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\n".join(codecs_table(report)))
    if report["missing"]:
        print(f"not installed, so not measured: {', '.join(report['missing'])}")
    print(f"The report is in {options.json}")
    return write_tables() if options.json.resolve() == CODECS else 0


if __name__ == "__main__":
    sys.exit(main())
