"""Clips from file to file against the bare engine: `make benchmark-clips`.

Each round labels a clip of 480x360 and one of 1280x720 (overlay, class maps, shares), and right before and after runs
the network alone on inputs of the same sizes, two at a time, which is its quickest mode. Without --clip: a rendered
drive. Writes docs/clips.json and its table.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from back.runtime.imaging import plan_resize
from back.runtime.predictor import Predictor
from back.runtime.video.label import ClipFiles, ClipOptions, label_clip
from modelisation.outputs.compiled import COMPILED
from modelisation.reports.readme import main as write_tables
from modelisation.reports.throughput import CLIPS, write_throughput
from modelisation.scenes.drive import render_drive

SIZES = ((360, 480), (720, 1280))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("modelisation/bundled/deeplabv3plus"))
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smooth", action="store_true")
    parser.add_argument("--json", type=Path, default=CLIPS, metavar="FILE")
    args = parser.parse_args()
    predictor = Predictor.load(args.model, cache_dir=COMPILED)  # as `predict` does
    engine = predictor.engine.precision
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for height, width in SIZES:
            clip = Path(folder) / f"{width}x{height}.mp4"
            _write(clip, _pictures(args.clip, args.frames), height, width)
            rates, shares, costs = measure(predictor, clip, height, width, args.rounds, args.smooth)
            share = f"{statistics.median(shares):.2f} ({min(shares):.2f}–{max(shares):.2f})"
            row = [f"{width}x{height}", f"{statistics.median(rates):.1f}", share, f"{statistics.median(costs):.1f}"]
            print(*row, sep="  ", flush=True)
            rows.append(row)
    smooth = ", smoothed" if args.smooth else ""
    what = f"{predictor.card.name} in {engine}{smooth}, {args.frames} frames; medians of {args.rounds} rounds"
    write_throughput(args.json, what, rows)
    if args.json.resolve() == CLIPS:
        write_tables()


def measure(
    predictor: Predictor, clip: Path, height: int, width: int, rounds: int, smooth: bool = False
) -> tuple[list[float], list[float], list[float]]:
    """Of each round frames a second, their share of the bare engine's, and milliseconds of processor time a frame."""
    files = ClipFiles(clip.with_suffix(".overlay.mp4"), clip.with_suffix(".zip"), clip.with_suffix(".csv"))
    network = predictor.steady(height, width)
    plan = plan_resize(height, width, predictor.input, None)
    shape = (1, plan.padded_height, plan.padded_width, 3)
    image_NHWC = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def bare(frames: int) -> float:
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: network.engine.run(image_NHWC), range(frames)))
        return (time.perf_counter() - start) / frames

    rates, shares, costs = [], [], []
    bare(10)
    for _ in range(rounds):
        before = bare(30)
        wall, processor = time.perf_counter(), time.process_time()
        report = label_clip(predictor, clip, files, ClipOptions(smooth=smooth))
        seconds = (time.perf_counter() - wall) / report.frames
        costs.append((time.process_time() - processor) / report.frames * 1e3)
        rates.append(1 / seconds)
        shares.append((before + bare(30)) / 2 / seconds)
    return rates, shares, costs


def _pictures(clip: Path | None, frames: int) -> Iterator[npt.NDArray[np.uint8]]:
    if clip is None:
        yield from (scene.image for scene in render_drive(1, frames, 360, 480))
        return
    with av.open(str(clip)) as file:
        for frame in islice(file.decode(video=0), frames):
            yield frame.to_ndarray(format="rgb24")


def _write(path: Path, pictures: Iterator[npt.NDArray[np.uint8]], height: int, width: int) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            file.mux(stream.encode(frame.reformat(width, height, format="yuv420p")))
        file.mux(stream.encode())


if __name__ == "__main__":
    main()
