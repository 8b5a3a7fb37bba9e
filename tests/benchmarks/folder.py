"""A folder of photos to a folder of masks against the bare engine: `python -m tests.benchmarks.folder`.

Each round labels the folder as `predict` does, with the transformers pipeline's batches of eight (a SegFormer alone),
and runs the network alone on inputs of the same size in the mode that OpenVINO calls best for throughput.
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
from modelisation.labelling.format_names import PNG
from modelisation.labelling.photo_files import label_files, write_labels
from modelisation.scenes.render import render_scene
from tests.benchmarks.material import make_material
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
    args = parser.parse_args()
    predictor = Predictor.load(args.model)
    print(
        f"{predictor.card.name}, {predictor.engine.precision}, {args.photos} photos, medians of {args.rounds} rounds"
    )
    print("| folder | photos/s | of the bare engine's | times the pipeline's |\n| --- | ---: | ---: | ---: |")
    for height, width, suffix in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            photos = write_photos(Path(folder) / "photos", args.photos, height, width, suffix)
            ways = _ways(args.model, predictor, photos, Path(folder), (height, width))
            rates: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(args.rounds):
                for name, way in ways.items():
                    rates[name].append(way())
        print(_row(f"{args.photos} {suffix} of {width}x{height}", rates), flush=True)


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
) -> dict[str, Callable[[], float]]:
    """Each way as a call that gives photos a second, the bare engine twice."""
    case = Case("folder", photos[0].read_bytes(), *size, None)
    material = make_material(bundle, folder / "material")
    bare = BareOpenVino(material, {})
    bare.use(case)
    bare.in_bulk(8)

    def ours() -> float:
        files = label_files(predictor.card.taxonomy, PNG)
        start = time.perf_counter()
        assert not any(error for _, error in write_labels(predictor, photos, folder / "masks", files))
        return len(photos) / (time.perf_counter() - start)

    def engine() -> float:
        start = time.perf_counter()
        bare.in_bulk(len(photos))
        return len(photos) / (time.perf_counter() - start)

    ways = {"bare": engine, "ours": ours, "bare again": engine}
    if read_card(bundle).architecture == "segformer":
        pipeline = TransformersPipeline(material, {})
        pipeline.use(case)

        def library() -> float:
            some = [str(photo) for photo in photos[:_PIPELINE_PHOTOS]]
            start = time.perf_counter()
            for photo, segments in zip(some, pipeline.pipe(some, subtask="semantic", batch_size=_BATCH), strict=True):
                (folder / f"{Path(photo).stem}.png").write_bytes(pipeline.mask(Image.open(photo).size, segments))
            return len(some) / (time.perf_counter() - start)

        ways["pipeline"] = library
    return ways


def _row(name: str, rates: dict[str, list[float]]) -> str:
    shares = [
        2 * ours / (before + after)
        for ours, before, after in zip(rates["ours"], rates["bare"], rates["bare again"], strict=True)
    ]
    times = [ours / theirs for ours, theirs in zip(rates["ours"], rates.get("pipeline", []), strict=False)]
    library = f"{statistics.median(times):.1f}" if times else "–"
    share = f"{statistics.median(shares):.2f} ({min(shares):.2f}-{max(shares):.2f})"
    return f"| {name} | {statistics.median(rates['ours']):.1f} | {share} | {library} |"


if __name__ == "__main__":
    main()
