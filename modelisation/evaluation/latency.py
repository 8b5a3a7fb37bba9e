"""How long each stage of serving one photo takes, as percentiles after warm-up."""

import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.imaging import MAX_FILE_PIXELS
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.predictor import Predictor
from modelisation.evaluation.serving_memory import serving_peak_rss
from modelisation.provenance import machine

STAGES = ("decode", "resize", "infer", "argmax", "encode", "total")
PERCENTILES = ("p50", "p95", "p99")
WARM_UP = 3


def as_jpeg(image_HWC: npt.NDArray[np.uint8]) -> bytes:
    """A photo as it is mostly uploaded: JPEG of quality 90."""
    buffer = io.BytesIO()
    Image.fromarray(image_HWC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 of the values, rounded to microseconds where they are milliseconds."""
    p50, p95, p99 = np.percentile(values, (50, 95, 99)).tolist()
    return {"p50": round(p50, 3), "p95": round(p95, 3), "p99": round(p99, 3)}


def measure_latency(
    bundle: Path,
    predictor: Predictor,
    photos: Sequence[npt.NDArray[np.uint8]],
    runs: int,
    *,
    warm_up: int = WARM_UP,
) -> dict[str, Any]:
    """Serve JPEGs one after the other, as the API does, and time every stage.

    Args:
        bundle: the model's folder, for the process whose memory is measured.
        predictor: the served runtime.
        photos: uint8 [H, W, 3]; taken in turn.
        runs: how many predictions are timed after `warm_up` ones that are not.

    Returns:
        `ms`: stage -> {"p50", "p95", "p99"} in milliseconds; `runs`, `warm_up`, `photo` (size of the first), and what
        the numbers depend on: `machine`, `engine`, `precision`, `threads`, `pixel_budget`; and `peak_rss_bytes` of a
        process that does nothing but serve this model.
    """
    palette = palette_of(predictor.card.taxonomy)
    files = [as_jpeg(photo) for photo in photos]
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    height, width = photos[0].shape[:2]
    # Else an engine that compiles for frequent sizes would do so in the background, while the clock runs.
    predictor.prepare(height, width)
    for i in range(warm_up + runs):
        start = time.perf_counter()
        prediction = predictor.predict(files[i % len(files)], MAX_FILE_PIXELS)
        encoding = time.perf_counter()
        encode_palette_png(prediction.labels_HW, palette)
        end = time.perf_counter()
        if i < warm_up:
            continue
        measured: Mapping[str, float] = prediction.timings_ms
        for stage in STAGES[:4]:
            times[stage].append(measured[stage])
        times["encode"].append((end - encoding) * 1e3)
        times["total"].append((end - start) * 1e3)
    return {
        "ms": {stage: percentiles(values) for stage, values in times.items()},
        "runs": runs,
        "warm_up": warm_up,
        "photo": f"{width}x{height} JPEG",
        "machine": machine(),
        "engine": predictor.engine.name,
        "precision": predictor.engine.precision,
        "threads": predictor.engine.threads,
        "pixel_budget": predictor.pixel_budget,
        "peak_rss_bytes": serving_peak_rss(bundle, predictor, files[0]),
    }
