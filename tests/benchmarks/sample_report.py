"""A small report as the benchmark writes it, with made-up numbers, for tests."""

from typing import Any

from tests.benchmarks.report import ALL_BOUNDARY


def _row(way: str, photo: str, p50: float, times: float, **other: Any) -> dict[str, Any]:
    row = {"model": "segformer", "way": way, "photo": photo, "error": None, "ms": {"p50": p50, "p95": p50 * 1.2}}
    row |= {"times_ours": {"median": times, "low": times * 0.9, "high": times * 1.1}, "agreement": None, "miou": None}
    return row | {"peak_rss_bytes": None, "stages": {}} | other


def _trick(trick: str, way: str, usual: float, ours: float) -> dict[str, Any]:
    times = {"usual_ms": {"p50": usual, "p95": usual}, "ours_ms": {"p50": ours, "p95": ours}}
    spread = {"median": usual / ours, "low": usual / ours, "high": usual / ours}
    return {"model": "segformer", "trick": trick, "usual_way": way, "error": None, **times, "ratio": spread}


def _rate(way: str, clients: int | None, rate: float) -> dict[str, Any]:
    return {"model": "segformer", "way": way, "clients": clients, "images_per_second": rate}


def _large(pixel_budget: int, fp32_miou: float, miou: float) -> dict[str, Any]:
    photos = "2048 pixels wide, JPEG"
    return {
        "model": "segformer",
        "photos": photos,
        "pixel_budget": pixel_budget,
        "fp32_miou": fp32_miou,
        "miou": miou,
    }


_STAGES = {"decode": 26.0, "resize": 10.0, "infer": 100.0, "argmax": 4.0, "encode": 1.0}
_HEADLINE, _OWN = "2048x1024 JPEG", "1024x512 JPEG"
REPORT: dict[str, Any] = {
    "schema_version": 2,
    "date": "2026-01-01",
    "git_commit": "0123456789abcdef",
    "git_dirty": False,
    "machine": {"processor": "A processor", "cores": 2},
    "rounds": 3,
    "models": ["segformer"],
    "photos": [
        {"name": _HEADLINE, "network_input": "1024x512"},
        {"name": _OWN, "network_input": "1024x512"},
    ],
    "rows": [
        _row("transformers pipeline", _HEADLINE, 1600.0, 12.0, miou=0.701, agreement=0.995, peak_rss_bytes=1.5e9),
        _row("ONNX Runtime, usual steps", _HEADLINE, 700.0, 5.0),
        _row("bare OpenVINO infer, no photo", _HEADLINE, 104.0, 0.8),
        _row("ours, HTTP", _HEADLINE, 138.0, 1.0, miou=0.7, agreement=0.994, peak_rss_bytes=8e8, stages=_STAGES),
        _row("bare OpenVINO infer, no photo", _OWN, 104.0, 0.85),
        _row("ours, HTTP", _OWN, 120.0, 1.0, agreement=0.994, stages=_STAGES),
    ],
    "throughput": [
        _rate("bare OpenVINO infer, no photo", 1, 9.0),
        _rate("bare OpenVINO infer, no photo", 16, 9.5),
        _rate("bare OpenVINO infer, no photo", None, 10.0),
        _rate("ours, HTTP", 1, 7.5),
        _rate("ours, HTTP", 16, 9.0),
    ],
    "reference_miou": {"segformer": 0.7005},
    "large_photos": [_large(172800, 0.7004, 0.7), _large(524288, 0.688, 0.6872)],
    "memory": {"requests": 500, "peak_rss_bytes": 8e8, "growth_bytes": 1e6},
    "ready_s": {"cold": 20.0, "warm": 2.5, "environment": "serving"},
    "healthz_ms": {"p50": 4.0, "p99": 20.0, "requests": 400},
    "tricks": [
        _trick("exact argmax, 2 megapixels", "interpolate + argmax", 228.0, 4.0),
        _trick("exact argmax, 2 megapixels", "interpolate + max().indices", 60.0, 4.0),
        _trick(ALL_BOUNDARY, "interpolate + argmax", 228.0, 60.0),
        _trick("exact argmax, 12 megapixels", "interpolate + argmax", 1500.0, 15.0),
    ],
    "promises": [{"figure": "speed", "bound": "at least 10 x", "measured": "12 x", "met": True}],
}
