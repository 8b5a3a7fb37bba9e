"""The tables of serving at scale: what two replicas give, what Ray Serve costs, and what breaks first on paper."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelisation.reports.serving_scale import SERVING_TABLES, serving_lines

PART: dict[str, Any] = {
    "date": "2026-01-02", "git_commit": "abcdef0123456789", "git_dirty": True, "packages": {"ray": "2", "nginx": "1"},
    "machine": {"processor": "a processor", "cores": 2}, "model": "segformer",
    "photo": {"width": 480, "height": 360, "request_bytes": 30_000},
    "replicas": {
        "rounds": 3, "seconds": 20, "clients_each": 4, "mask_bytes": 20_000, "balancer_ms": 0.5,
        "rates": {"first": [10, 11, 12], "second": [10, 9, 8], "both": [20, 19, 21]},
    },
    "ray_serve": {"threads": 1, "requests": 3, "milliseconds": {"uvicorn": [50, 52, 54], "Ray Serve": [55, 56, 57]}},
    "registry": {"ask_ms": 10, "download_ms": 250, "download_wall_ms": 300, "download_bytes": 15_000_000},
}  # fmt: skip


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "scale.json"
    path.write_text(json.dumps({"serving": PART}), encoding="utf-8")
    return path


def test_two_replicas_are_compared_with_the_mean_of_either_in_the_same_round(report: Path) -> None:
    lines = serving_lines("replicas", report)
    assert lines[2] == "| 1 replica, on one processor | 10.0 (10.0–10.0) |  |"
    assert lines[3] == "| 2 replicas, on one processor each | 20.0 (19.0–21.0) | 2.00 (1.90–2.10) |"
    assert lines[-1].endswith(
        "a processor, 2 cores; ray 2, nginx 1; 2026-01-02, code abcdef012345 with local changes."
    )


def test_ray_serve_costs_the_difference_of_the_percentiles(report: Path) -> None:
    lines = serving_lines("ray-serve", report)
    assert lines[2:5] == [
        "| uvicorn | 52.0 | 54.0 |",
        "| Ray Serve | 56.0 | 57.0 |",
        "| what Ray Serve costs | +4.0 | +3.0 |",
    ]


def test_more_machines_are_reckoned_from_the_figures_and_what_breaks_first_stands_first(report: Path) -> None:
    lines = serving_lines("on-paper", report)
    # 16 cores of 10 requests/s; 8 replicas a machine; 50 kB a request are 400 kbit.
    assert lines[2] == "| 1 | 160 | 0.08 | 0.06 | 0.3 % | 2.0 |"
    assert lines[4] == "| 100 | 16,000 | 8.00 | 6.40 | 26.7 % | 200.0 |"
    assert "10.0 requests/s of a core" in lines[6]
    breaks = [line for line in lines if line[:3] in ("1. ", "2. ", "3. ", "4. ")]
    assert [line.rsplit("at ", 1)[1] for line in breaks] == [f"{n} machines." for n in (30, 156, 200, 375)]
    assert [
        next(word for word in ("store", "network", "processors", "registry") if word in line.partition(":")[0])
        for line in breaks
    ] == ["store", "network", "processors", "registry"]


@pytest.mark.parametrize("name", SERVING_TABLES)
def test_what_was_not_measured_is_said(name: str, tmp_path: Path) -> None:
    assert serving_lines(name, tmp_path / "none.json") == ["Not measured yet: `make benchmark-scale`."]
    (tmp_path / "other.json").write_text('{"labelling": {}}', encoding="utf-8")
    assert serving_lines(name, tmp_path / "other.json") == ["Not measured yet: `make benchmark-scale`."]
