"""Many scenes labelled by the plain pool and by Ray, into docs/scale.json and the table of docs/scale.md.

    make benchmark-scale

Every round labels one folder by each way in turn, from files to files, and runs the bare engine beside it.
"""

import argparse
import datetime
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from back.runtime.card import read_card
from back.runtime.process.threads import available_cpus
from modelisation.provenance import git_state, machine, package_versions
from modelisation.reports.readme import main as write_tables
from modelisation.reports.scale import SCALE_REPORT
from tests.benchmarks.folder import bare_engine, write_photos
from tests.benchmarks.folder_ways import Run, in_processes, label_folder, on_ray
from tests.benchmarks.material import make_material

SIZE = (360, 480)
_PACKAGES = ("ray", "openvino", "pyarrow", "numpy", "pillow")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("modelisation/bundled/segformer"))
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=SCALE_REPORT, help="where the report goes (default: docs/)")
    args = parser.parse_args()
    before = json.loads(args.json.read_text(encoding="utf-8")) if args.json.is_file() else {}
    others = {key: before[key] for key in ("serving",) if key in before}  # `tests.benchmarks.replicas` writes it
    for report in measure(args.model, args.photos, args.rounds):
        args.json.write_text(json.dumps({**report, **others}, indent=1) + "\n", encoding="utf-8")
    return write_tables() if args.json.resolve() == SCALE_REPORT else 0


def measure(bundle: Path, count: int, rounds: int) -> Iterator[Mapping[str, Any]]:
    """The report after each round: of each way the runs of all rounds until then."""
    code = git_state()  # of what is measured, whatever is changed meanwhile
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photos = write_photos(folder / "photos", count, *SIZE, "jpg")
        ways = _ways(bundle, photos, folder)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        with tqdm(total=rounds * len(ways), desc="labelling", unit="run") as bar:
            for done in range(1, rounds + 1):
                for name, way in ways.items():
                    bar.set_postfix_str(name)
                    runs[name].append(way().told())
                    bar.update()
                yield {
                    "schema_version": 1,
                    "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                    **code,
                    "machine": machine(),
                    "packages": package_versions(_PACKAGES),
                    "labelling": {
                        "model": read_card(bundle).name,
                        "photos": {"number": count, "width": SIZE[1], "height": SIZE[0], "kind": "JPEG"},
                        "rounds": done,
                        "runs": runs,
                    },
                }


def _ways(bundle: Path, photos: list[Path], folder: Path) -> dict[str, Callable[[], Run]]:
    def ours(way: Any) -> Callable[[], Run]:
        return lambda: label_folder(way, bundle, photos[0].parent, folder / "masks")

    return {
        "bare engine": bare_engine(make_material(bundle, folder / "material"), photos, SIZE),
        "pool": ours(in_processes(bundle, available_cpus())),
        "Ray, 1 worker": ours(on_ray(bundle, 1)),
        "Ray, 2 workers": ours(on_ray(bundle, 2)),
    }


if __name__ == "__main__":
    sys.exit(main())
