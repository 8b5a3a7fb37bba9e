"""Every family of networks that can be imported or trained, and what works with it, each cell measured.

    make models

The networks are small and have random weights: the table tells families apart and says nothing of trained models.
"""

import argparse
import datetime
import io
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from back.runtime.imaging import MAX_FILE_PIXELS
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.provenance import git_state, machine, package_versions
from modelisation.reports.families import FAMILIES_REPORT, families_table
from modelisation.reports.readme import main as write_tables
from modelisation.scenes.render import render_scene
from modelisation.scenes.writer import write_scenes
from tests.benchmarks.family_nets import FAMILIES, Family
from tests.benchmarks.family_steps import Row, attempt, measure_family
from tests.benchmarks.measure import interleaved, summary, timed

SCENES = (4, 256, 512)  # how many, height, width: what the engines are compared on
PHOTO = (512, 1024)
_SEED = 11


def run_families(
    families: Sequence[Family], rounds: int, scratch: Path, scenes: tuple[int, int, int] = SCENES
) -> Any:
    """The report: one row a family."""
    count, height, width = scenes
    code = git_state()  # of what is measured, whatever is changed meanwhile
    write_scenes(scratch / "scenes", {"val": count}, height, width, _SEED, None)
    data = open_dataset(scratch / "scenes", "val")
    rows: list[Row] = []
    served: dict[str, Predictor] = {}
    with tqdm(families, unit="family") as bar:
        for i, family in enumerate(bar):
            (folder := scratch / str(i)).mkdir()
            row, predictor = measure_family(family, folder, data, bar.set_postfix_str)
            rows.append(row)
            if predictor is not None:
                served[family.name] = predictor
    _add_times(rows, served, rounds)
    return {
        "schema_version": 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **code,
        "machine": machine(),
        "packages": package_versions(),
        "scenes": {"number": count, "height": height, "width": width},
        "photo": {"height": PHOTO[0], "width": PHOTO[1]},
        "rounds": rounds,
        "rows": rows,
    }


def _add_times(rows: list[Row], served: dict[str, Predictor], rounds: int) -> None:
    """`ms` and `input` of every row: from a JPEG's bytes to its label map, all families in turn."""
    buffer = io.BytesIO()
    Image.fromarray(render_scene(_SEED, *PHOTO).image).save(buffer, "JPEG", quality=90)
    photo = buffer.getvalue()

    def once(predictor: Predictor) -> Callable[[], object]:
        return lambda: predictor.predict(photo, MAX_FILE_PIXELS)

    def ready(predictor: Predictor) -> None:
        predictor.prepare(*PHOTO)
        once(predictor)()

    found = {name: attempt(lambda predictor=predictor: ready(predictor)) for name, predictor in served.items()}
    calls = {name: timed(once(served[name])) for name, cell in found.items() if "failed" not in cell}
    times = interleaved(calls, rounds, pause_s=0.02, what="time a photo") if calls else {}
    for row in rows:
        name = row["family"]
        if name in times:
            row["ms"] = {"value": summary(times[name])["p50"]}
            row["input"] = list(served[name].needed_size(*PHOTO))
        elif name in found:
            row["ms"] = found[name]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.families",
        description="Import, train, export and serve a small random network of every family.",
        epilog="example: make models (all of them, into docs/families.json and docs/catalogue.md)",
    )
    parser.add_argument("--rounds", type=int, default=15, help="how often each one labels the photo (default: 15)")
    parser.add_argument("--only", metavar="WORD", help="families with this word in their name alone; needs --json")
    parser.add_argument(
        "--json", type=Path, default=FAMILIES_REPORT, help="file for the report (default: docs/families.json)"
    )
    options = parser.parse_args(arguments)
    families = [f for f in FAMILIES if not options.only or options.only.casefold() in f.name.casefold()]
    if not families:
        parser.error(f"--only {options.only}: no family has it in its name: {', '.join(f.name for f in FAMILIES)}")
    if options.only and options.json.resolve() == FAMILIES_REPORT:
        parser.error("--only needs --json FILE: the page's report is of all families")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    with tempfile.TemporaryDirectory() as scratch:
        report = run_families(families, options.rounds, Path(scratch))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\n".join(families_table(report)))
    print(f"The report is in {options.json}")
    return write_tables() if options.json.resolve() == FAMILIES_REPORT else 0


if __name__ == "__main__":
    sys.exit(main())
