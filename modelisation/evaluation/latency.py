"""How long each stage of serving one photo takes, as percentiles after warm-up."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from back.runtime.imaging import MAX_FILE_PIXELS
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.predictor import Predictor
from modelisation.evaluation.serving_memory import serving_peak_rss
from modelisation.provenance import machine

STAGES = ("decode", "resize", "infer", "argmax", "encode", "total")
PERCENTILES = ("p50", "p95", "p99")
WARM_UP = 3
_TURN = 5  # predictions of one model before the next has its turn


def as_jpeg(image_HWC: npt.NDArray[np.uint8]) -> bytes:
    """A photo as it is mostly uploaded: JPEG of quality 90."""
    buffer = io.BytesIO()
    Image.fromarray(image_HWC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 of the values, rounded to microseconds where they are milliseconds."""
    p50, p95, p99 = np.percentile(values, (50, 95, 99)).tolist()
    return {"p50": round(p50, 3), "p95": round(p95, 3), "p99": round(p99, 3)}


@dataclass(frozen=True)
class Served:
    """A model whose latency is to be measured.

    Attributes:
        bundle: its folder, for the process whose memory is measured.
        predictor: the served runtime.
        photos: uint8 [H, W, 3]; taken in turn.
    """

    bundle: Path
    predictor: Predictor
    photos: Sequence[npt.NDArray[np.uint8]]


def measure_latency(
    bundle: Path,
    predictor: Predictor,
    photos: Sequence[npt.NDArray[np.uint8]],
    runs: int,
    *,
    warm_up: int = WARM_UP,
) -> dict[str, Any]:
    """The latency of one model, see `measure_in_turn`."""
    (record,) = measure_in_turn([Served(bundle, predictor, photos)], runs, warm_up=warm_up)
    return record


def measure_in_turn(
    models: Sequence[Served], runs: int, *, warm_up: int = WARM_UP, progress: bool = False
) -> list[dict[str, Any]]:
    """Serve JPEGs one after the other, as the API does, and time every stage.

    Models take turns, a few predictions each, so that whatever else the machine does meets all alike.

    Args:
        models: what is measured.
        runs: how many predictions of each model are timed.
        warm_up: how many come before them that are not. One comes before each later turn, since the processor's
            caches hold another model then.
        progress: show a progress bar.

    Returns:
        A record a model. `ms`: stage -> {"p50", "p95", "p99"} in milliseconds; `runs`, `warm_up`, `photo` (size of
        the first), and what the numbers depend on: `machine`, `engine`, `precision`, `threads`, `pixel_budget`; and
        `peak_rss_bytes` of a process that does nothing but serve this model.
    """
    files = [[as_jpeg(photo) for photo in model.photos] for model in models]
    palettes = [palette_of(model.predictor.card.taxonomy) for model in models]
    for model in models:
        # Else an engine that compiles for frequent sizes would do so in the background, while the clock runs.
        model.predictor.prepare(*model.photos[0].shape[:2])
    times: list[dict[str, list[float]]] = [{stage: [] for stage in STAGES} for _ in models]
    with tqdm(total=runs * len(models), desc="latency", unit="photo", disable=not progress) as bar:
        for begin in range(0, runs, _TURN):
            for index, model in enumerate(models):
                untimed = warm_up if begin == 0 else int(len(models) > 1)
                for i in range(begin - untimed, min(begin + _TURN, runs)):
                    taken = _serve(model.predictor, files[index][i % len(files[index])], palettes[index])
                    if i >= begin:
                        bar.update()
                        for stage, milliseconds in taken.items():
                            times[index][stage].append(milliseconds)
    return [
        {
            "ms": {stage: percentiles(values) for stage, values in times[index].items()},
            "runs": runs,
            "warm_up": warm_up,
            "photo": "{1}x{0} JPEG".format(*model.photos[0].shape),
            "machine": machine(),
            "engine": model.predictor.engine.name,
            "precision": model.predictor.engine.precision,
            "threads": model.predictor.engine.threads,
            "pixel_budget": model.predictor.pixel_budget,
            "peak_rss_bytes": serving_peak_rss(model.bundle, model.predictor, files[index][0]),
        }
        for index, model in enumerate(models)
    ]


def _serve(predictor: Predictor, file: bytes, palette: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Milliseconds of each stage of one photo, from its file to its mask's."""
    start = time.perf_counter()
    prediction = predictor.predict(file, MAX_FILE_PIXELS)
    encoding = time.perf_counter()
    encode_palette_png(prediction.labels_HW, palette)
    end = time.perf_counter()
    measured = {stage: prediction.timings_ms[stage] for stage in STAGES[:4]}
    return measured | {"encode": (end - encoding) * 1e3, "total": (end - start) * 1e3}
