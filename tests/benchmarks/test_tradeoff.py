"""Accuracy against latency: what a row holds, a way that fails, and the table."""

import json
from pathlib import Path

import pytest

from back.runtime.card import read_card
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.figures.comparison import tradeoff_figure
from modelisation.reports.tradeoff import PEER, TRADEOFF, tradeoff_lines, tradeoff_table
from modelisation.scenes.writer import write_scenes
from tests.benchmarks.failures import Failures
from tests.benchmarks.tradeoff import Way, by_onnx_runtime, measure
from tests.bundles import make_bundle

REPORT = {
    "rows": [
        {"model": "m", "precision": p, "server": s, "pixel_budget": 8192, "ms": ms, "miou": miou}
        for p, s, ms, miou in (
            ("fp32", "StreetSeg", [40.0, 44.0], 0.7),
            ("bf16", "StreetSeg", [20.0, 24.0], 0.701),
            ("int8", "StreetSeg", [10.0, 12.0], 0.698),
            ("int8", PEER, [40.0, 48.0], 0.698),
        )
    ],
    "photos": 2, "dataset": "scenes", "split": "val", "machine": {"processor": "P", "cores": 2},
    "date": "2026-01-01", "git_commit": "0" * 40, "git_dirty": False, "failures": {"one way": "why"},
}  # fmt: skip


def test_every_way_sees_every_photo_and_one_that_fails_is_left_out(tmp_path: Path) -> None:
    write_scenes(tmp_path / "scenes", {"val": 2}, 48, 96, 3)
    bundle = make_bundle(tmp_path, pixel_budget=48 * 96)
    card = read_card(bundle)
    predictor = Predictor.load(bundle, engine="onnxruntime")

    def ours(data: bytes) -> bytes:
        return encode_palette_png(predictor.predict(data, 10**6).labels_HW, palette_of(card.taxonomy))

    def broken(data: bytes) -> bytes:
        raise RuntimeError("no answer")

    failures = Failures()
    ways = [
        Way("m", "fp32", "StreetSeg", ours, card),
        Way("m", "int8", PEER, by_onnx_runtime(bundle, card, 48 * 96), card),
        Way("m", "bf16", "StreetSeg", broken, card),
    ]
    rows = measure(48 * 96, ways, open_dataset(tmp_path / "scenes", "val", "street8"), failures)
    assert [(row["precision"], row["server"], len(row["ms"])) for row in rows] == [
        ("fp32", "StreetSeg", 2), ("int8", PEER, 2),
    ]  # fmt: skip
    assert rows[0]["miou"] == pytest.approx(rows[1]["miou"], abs=0.02)
    assert list(failures.values()) == ["RuntimeError: no answer"]


def test_the_table_tells_times_against_bf16_and_points_against_fp32() -> None:
    text = tradeoff_table(REPORT)
    assert "| m, int8 | 8,192 | 11.0 (9.5–12.5) | 2.00 | 69.80 | -0.20 |" in text
    assert f"| m, int8 by {PEER} | 8,192 | 44.0 (38.0–50.0) | 0.50 | 69.80 | -0.20 |" in text
    assert text[-1] == "- one way: why"
    assert "2 photos of scenes val" in "\n".join(text)


def test_the_figure_has_a_line_a_model_and_precision() -> None:
    (axes,) = tradeoff_figure(REPORT).axes
    assert [line.get_label() for line in axes.get_lines()] == ["m, fp32", "m, bf16", "m, int8"]


def test_before_it_is_measured_the_page_says_how(tmp_path: Path) -> None:
    assert tradeoff_lines(tmp_path / "none.json") == ["Not measured yet: `make benchmark-tradeoff`."]


@pytest.mark.skipif(not TRADEOFF.is_file(), reason="docs/tradeoff.json is not measured yet")
def test_int8_keeps_its_promise_of_accuracy_wherever_it_is_shown() -> None:
    report = json.loads(TRADEOFF.read_text(encoding="utf-8"))
    assert {row["precision"] for row in report["rows"]} == {"fp32", "bf16", "int8"}
    assert all(r["miou"][0] - r["miou"][1] <= 0.005 for r in report["calibrated"].values() if r)
