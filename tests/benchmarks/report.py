"""What was promised and what was measured, from the benchmark's JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.benchmarks.peers import BARE, OURS

Report = Mapping[str, Any]
SLOW_WAYS = {
    "transformers pipeline": 10.0,
    "smp eager, usual steps": 7.0,
    "ONNX Runtime, usual steps": 3.0,
}
MAX_OVERHEAD = {"2048x1024 JPEG": 0.35, "1024x512 JPEG": 0.20}
MIN_AGREEMENT, MAX_MIOU_POINTS = 0.99, 0.3
ALL_BOUNDARY = "exact argmax, 2 megapixels, noise: all boundary"


def promises(report: Report) -> list[dict[str, Any]]:
    """Every figure with its bound: `{"figure", "bound", "measured", "met"}`; `met` None where it was not measured."""
    return [
        {
            "figure": figure,
            "bound": f"{'at least' if at_least else 'at most'} {bound:g} {unit}".strip(),
            "measured": "not measured" if value is None else f"{value:.4g} {unit}".strip(),
            "met": None if value is None else (value >= bound if at_least else value <= bound),
        }
        for figure, value, at_least, bound, unit in _figures(report)
    ]


_Figure = tuple[str, float | None, bool, float, str]


def _figures(report: Report) -> Iterator[_Figure]:
    rows = {(row["model"], row["way"], row["photo"]): row for row in report["rows"]}
    headline = report["photos"][0]["name"]
    for model in report["models"]:
        for way, bound in SLOW_WAYS.items():
            if (row := rows.get((model, way, headline))) is not None:
                yield (
                    f"{model}, {headline}: POST /predict faster than {way}",
                    _median(row, "times_ours"),
                    True,
                    bound,
                    "x",
                )
        for photo, bound in MAX_OVERHEAD.items():
            ours, bare = rows.get((model, OURS, photo)), rows.get((model, BARE, photo))
            if ours and bare and ours["ms"] and bare["ms"]:
                over = ours["ms"]["p50"] / bare["ms"]["p50"] - 1
                yield f"{model}, {photo}: over the bare engine's infer", 100 * over, False, 100 * bound, "%"
        ours = rows[model, OURS, headline]
        agreed = ours["agreement"]
        yield (
            f"{model}: labels equal to fp32 PyTorch's, same tensor",
            _percent(agreed),
            True,
            100 * MIN_AGREEMENT,
            "%",
        )
        reference = report["reference_miou"].get(model)
        points = None if None in (reference, ours["miou"]) else 100 * abs(ours["miou"] - reference)
        yield f"{model}: mIoU against fp32 PyTorch, labelled photos", points, False, MAX_MIOU_POINTS, "points"
        for large in report["large_photos"]:
            if large["model"] == model:
                yield (
                    f"{model}: mIoU against fp32 PyTorch with full decode, labelled photos {large['photos']}, "
                    f"network input of {large['pixel_budget'] / 1e6:.2f} megapixels",
                    100 * abs(large["miou"] - large["fp32_miou"]),
                    False,
                    MAX_MIOU_POINTS,
                    "points",
                )
        yield from _throughput(report, model)
        for way, bound in (("interpolate + argmax", 40.0), ("interpolate + max().indices", 10.0)):
            times = _trick(report, model, "exact argmax, 2 megapixels", way)
            yield (
                f"{model}: labels at 2 megapixels faster than {way}",
                times and _median(times, "ratio"),
                True,
                bound,
                "x",
            )
        worst = _trick(report, model, ALL_BOUNDARY, "interpolate + argmax")
        yield (
            f"{model}: labels at 2 megapixels of scores that are all boundary, faster than interpolate + argmax",
            worst and _median(worst, "ratio"),
            True,
            1.0,
            "x",
        )
        largest = _trick(report, model, "exact argmax, 12 megapixels", "interpolate + argmax")
        at_12 = largest["ours_ms"]["p50"] if largest and largest["ours_ms"] else None
        yield f"{model}: labels at 12 megapixels", at_12, False, 25.0, "ms"
    memory, ready = report["memory"], report["ready_s"]
    yield (
        "peak memory of the API with all models, after mixed requests",
        memory and memory["peak_rss_bytes"] / 1e6,
        False,
        1000.0,
        "MB",
    )
    growth = memory and memory["growth_bytes"] / 1e6
    yield "its growth over the last three fifths of them", growth, False, 25.0, "MB"
    yield "/healthz while saturated, p99", report["healthz_ms"] and report["healthz_ms"]["p99"], False, 50.0, "ms"
    yield "from process start to /readyz, warm cache", ready and ready["warm"], False, 3.0, "s"


def _throughput(report: Report, model: str) -> Iterator[_Figure]:
    rates = {(t["way"], t["clients"]): t["images_per_second"] for t in report["throughput"] if t["model"] == model}
    bare = [rate for (way, _), rate in rates.items() if way == BARE]
    ours = rates.get((OURS, 16))
    share = ours / max(bare) if ours is not None and bare else None
    yield f"{model}: images/s at 16 clients over the bare engine's best mode", share, True, 0.85, ""


def _trick(report: Report, model: str, trick: str, way: str) -> Any:
    return next(
        (t for t in report["tricks"] if (t["model"], t["trick"], t["usual_way"]) == (model, trick, way)), None
    )


def _median(row: Mapping[str, Any], key: str) -> float | None:
    return row[key]["median"] if row[key] else None


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction
