"""How long each stage of serving one photo takes, as percentiles after warm-up."""

import io
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.colour import palette_of
from back.runtime.png import encode_palette_png
from back.runtime.predictor import Predictor
from modelisation.lineage import machine, peak_rss_bytes

STAGES = ("decode", "resize", "infer", "argmax", "encode", "total")
WARM_UP = 3
MAX_PIXELS = 200_000_000


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
    predictor: Predictor, photos: Sequence[npt.NDArray[np.uint8]], runs: int, *, warm_up: int = WARM_UP
) -> dict[str, Any]:
    """Serve JPEGs one after the other, as the API does, and time every stage.

    Args:
        predictor: the served runtime.
        photos: uint8 [H, W, 3]; taken in turn.
        runs: how many predictions are timed after `warm_up` ones that are not.

    Returns:
        `ms`: stage -> {"p50", "p95", "p99"} in milliseconds; `runs`, `warm_up`, `photo` (size of the first), and what
        the numbers depend on: `machine`, `engine`, `precision`, `threads`, `pixel_budget`, `peak_rss_bytes`
        (of the whole evaluating process).
    """
    palette = palette_of(predictor.card.taxonomy)
    files = [as_jpeg(photo) for photo in photos]
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for i in range(warm_up + runs):
        start = time.perf_counter()
        prediction = predictor.predict(files[i % len(files)], MAX_PIXELS)
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
    height, width = photos[0].shape[:2]
    return {
        "ms": {stage: percentiles(values) for stage, values in times.items()},
        "runs": runs,
        "warm_up": warm_up,
        "photo": f"{width}x{height} JPEG",
        "machine": machine(),
        "engine": predictor.engine.name,
        "precision": predictor.engine.precision,
        "threads": getattr(predictor.engine, "threads", None),
        "pixel_budget": predictor.pixel_budget,
        "peak_rss_bytes": peak_rss_bytes(),
    }


def format_latency(latency: Mapping[str, Any], stages: Iterable[str] = STAGES) -> str:
    """`decode 3.1  resize 0.8 …  total 21.5 ms (p50; p95 24.0)`."""
    ms = latency["ms"]
    return "  ".join(f"{s} {ms[s]['p50']:.1f}" for s in stages) + f" ms (p50; total p95 {ms['total']['p95']:.1f})"
