"""The tables about speed say what docs/benchmark.json holds."""

import json

import pytest

from modelisation.reports.speed import BENCHMARK_TABLES, describe_measurement, speed_lines
from tests.benchmarks.sample_report import REPORT


def test_the_speed_table_has_a_row_for_every_way_on_the_headline_photo():
    lines = BENCHMARK_TABLES["speed"](REPORT)
    assert len(lines) == 2 + 4
    assert (
        "| segformer: transformers pipeline | 1600 | 1920 | 12.00 (10.80–13.20) | – | 1500 | 99.50 | 70.10 |" in lines
    )
    assert "| segformer: ours, HTTP | 138 | 166 | 1.00 (0.90–1.10) | 9.00 | 800 | 99.40 | 70.00 |" in lines


def test_a_way_that_failed_says_why():
    failed = REPORT["rows"][0] | {"error": "RuntimeError: no compiler", "ms": None, "times_ours": None}
    lines = BENCHMARK_TABLES["speed"](REPORT | {"rows": [failed]})
    assert lines[2].startswith("| segformer: transformers pipeline: failed, RuntimeError: no compiler | – |")
    assert len(BENCHMARK_TABLES["photos"](REPORT | {"rows": [failed]})) == 3


def test_a_trick_that_failed_says_why():
    failed = REPORT["tricks"][0] | {"error": "OSError: gone", "usual_ms": None, "ours_ms": None, "ratio": None}
    assert "| failed, OSError: gone | – | – |" in BENCHMARK_TABLES["tricks"](REPORT | {"tricks": [failed]})[2]


def test_accuracy_is_told_for_photos_of_the_set_and_for_large_ones():
    assert BENCHMARK_TABLES["accuracy"](REPORT)[2:] == [
        "| segformer, photos of the set | the card's | 70.05 | 70.00 |",
        "| segformer, 2048 pixels wide, JPEG | 172,800 | 70.04 | 70.00 |",
        "| segformer, 2048 pixels wide, JPEG | 524,288 | 68.80 | 68.72 |",
    ]


@pytest.mark.parametrize("name", BENCHMARK_TABLES)
def test_all_rows_of_a_table_have_as_many_cells_as_its_head(name):
    lines = BENCHMARK_TABLES[name](REPORT)
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) > 2


def test_a_table_ends_with_machine_input_and_code(tmp_path):
    (tmp_path / "benchmark.json").write_text(json.dumps(REPORT), encoding="utf-8")
    lines = speed_lines("stages", tmp_path)
    assert lines[-1] == describe_measurement(REPORT)
    for part in ("A processor, 2 cores", "3 interleaved rounds", "2048x1024 JPEG as 1024x512", "code 0123456789ab"):
        assert part in lines[-1]


def test_without_a_benchmark_the_page_says_how_to_get_one(tmp_path):
    assert speed_lines("speed", tmp_path) == ["Not measured yet: `make benchmark`."]
    assert speed_lines("codecs", tmp_path)[0].startswith("Not measured yet: `python -m tests.benchmarks.codecs")
