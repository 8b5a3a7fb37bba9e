"""A folder of photos to a folder of masks against the bare engine: `make benchmark-folders`.

Each round labels the folder as `predict` does, in processes and in threads, with the transformers pipeline's batches
of eight (a SegFormer alone), and runs the network alone on inputs of the same size in the mode that OpenVINO calls
best for throughput. Photos a second count from the sixteenth labels that are written to the last; what comes before
the first is told, too. Writes docs/folders.json and its table.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from back.runtime.card import read_card
from back.runtime.predictor import Predictor
from back.runtime.process.threads import available_cpus
from modelisation.labelling.photo_files import Way
from modelisation.reports.readme import main as write_tables
from modelisation.reports.throughput import FOLDERS, write_throughput
from modelisation.scenes.render import render_scene
from tests.benchmarks.folder_ways import Run, here, in_processes, label_folder
from tests.benchmarks.material import Material, make_material
from tests.benchmarks.peers import BareOpenVino, TransformersPipeline
from tests.benchmarks.photos import Case

KINDS = ((512, 1024, "jpg"), (360, 480, "png"))
_DISTINCT = 8
_BATCH = 8
# The pipeline is many times slower, so that it sees fewer of them.
_PIPELINE_PHOTOS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("modelisation/bundled/segformer"))
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=FOLDERS, metavar="FILE")
    args = parser.parse_args()
    predictor = Predictor.load(args.model)
    rows = []
    for height, width, suffix in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            photos = write_photos(Path(folder) / "photos", args.photos, height, width, suffix)
            ways = _ways(args.model, predictor, photos, Path(folder), (height, width))
            runs: dict[str, list[Run]] = {name: [] for name in ways}
            for _ in range(args.rounds):
                for name, way in ways.items():
                    runs[name].append(way())
        for name in ("processes", "threads"):
            rows.append(_row(f"{args.photos} {suffix} of {width}x{height}, {name}", name, runs))
            print(*rows[-1], sep="  ", flush=True)
    engine = f"{predictor.card.name} in {predictor.engine.precision}"
    write_throughput(args.json, f"{engine}; medians of {args.rounds} rounds", rows)
    if args.json.resolve() == FOLDERS:
        write_tables()


def write_photos(folder: Path, count: int, height: int, width: int, suffix: str) -> list[Path]:
    """So many photo files of one size, rendered streets that come again and again."""
    folder.mkdir()
    scenes = [Image.fromarray(render_scene(seed, height, width).image) for seed in range(min(count, _DISTINCT))]
    paths = [folder / f"{index:04d}.{suffix}" for index in range(count)]
    for index, path in enumerate(paths):
        scenes[index % len(scenes)].save(path, quality=90)
    return paths


def _ways(
    bundle: Path, predictor: Predictor, photos: list[Path], folder: Path, size: tuple[int, int]
) -> dict[str, Callable[[], Run]]:
    """Each way as a call that labels the folder once, the bare engine before and after ours."""
    material = make_material(bundle, folder / "material")
    engine = bare_engine(material, photos, size)

    def ours(way: Way) -> Callable[[], Run]:
        return lambda: label_folder(way, bundle, photos[0].parent, folder / "masks")

    ways = {
        "bare": engine,
        "processes": ours(in_processes(bundle, available_cpus())),
        "threads": ours(here(predictor)),
        "bare again": engine,
    }
    if read_card(bundle).architecture == "segformer":
        pipeline = TransformersPipeline(material, {})
        pipeline.use(Case("folder", photos[0].read_bytes(), *size, None))

        def library() -> Run:
            some = [str(photo) for photo in photos[:_PIPELINE_PHOTOS]]
            start = time.perf_counter()
            for photo, segments in zip(some, pipeline.pipe(some, subtask="semantic", batch_size=_BATCH), strict=True):
                (folder / f"{Path(photo).stem}.png").write_bytes(pipeline.mask(Image.open(photo).size, segments))
            seconds = time.perf_counter() - start
            return Run(seconds, 0, len(some) / seconds)

        ways["pipeline"] = library
    return ways


def bare_engine(material: Material, photos: list[Path], size: tuple[int, int]) -> Callable[[], Run]:
    """The network alone, on as many inputs as there are photos."""
    bare = BareOpenVino(material, {})
    bare.use(Case("folder", photos[0].read_bytes(), *size, None))
    bare.in_bulk(8)

    def engine() -> Run:
        start = time.perf_counter()
        bare.in_bulk(len(photos))
        seconds = time.perf_counter() - start
        return Run(seconds, 0, len(photos) / seconds)

    return engine


def _row(title: str, name: str, runs: dict[str, list[Run]]) -> list[str]:
    shares = [
        2 * ours.rate / (before.rate + after.rate)
        for ours, before, after in zip(runs[name], runs["bare"], runs["bare again"], strict=True)
    ]
    times = [ours.rate / theirs.rate for ours, theirs in zip(runs[name], runs.get("pipeline", []), strict=False)]
    library = f"{statistics.median(times):.1f}" if times else "–"
    share = f"{statistics.median(shares):.2f} ({min(shares):.2f}–{max(shares):.2f})"
    rate, first = (statistics.median(getattr(run, key) for run in runs[name]) for key in ("rate", "first_s"))
    return [title, f"{rate:.1f}", share, library, f"{first:.1f}"]


if __name__ == "__main__":
    main()
