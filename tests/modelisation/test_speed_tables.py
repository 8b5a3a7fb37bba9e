"""The tables about speed say what docs/benchmark.json holds."""

import json

import pytest

from modelisation.speed_tables import SPEED_TABLES, measured_on, speed_lines
from tests.benchmarks.sample_report import REPORT


def test_the_speed_table_has_a_row_for_every_way_on_the_headline_photo():
    lines = SPEED_TABLES["speed"](REPORT)
    assert len(lines) == 2 + 4
    assert "| segformer: transformers pipeline | 1600 | 1920 | 12.00 (10.80–13.20) | – | 1500 | 70.10 |" in lines
    assert "| segformer: ours, HTTP | 138 | 166 | 1.00 (0.90–1.10) | 9.00 | 800 | 70.00 |" in lines


def test_a_way_that_failed_says_why():
    failed = REPORT["rows"][0] | {"error": "RuntimeError: no compiler", "ms": None, "times_ours": None}
    lines = SPEED_TABLES["speed"](REPORT | {"rows": [failed]})
    assert lines[2].startswith("| segformer: transformers pipeline: failed, RuntimeError: no compiler | – |")
    assert len(SPEED_TABLES["photos"](REPORT | {"rows": [failed]})) == 3


@pytest.mark.parametrize("name", SPEED_TABLES)
def test_all_rows_of_a_table_have_as_many_cells_as_its_head(name):
    lines = SPEED_TABLES[name](REPORT)
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) > 2


def test_a_table_ends_with_machine_input_and_code(tmp_path):
    path = tmp_path / "benchmark.json"
    path.write_text(json.dumps(REPORT), encoding="utf-8")
    lines = speed_lines("stages", path)
    assert lines[-1] == measured_on(REPORT)
    for part in ("A processor, 2 cores", "3 interleaved rounds", "2048x1024 JPEG as 1024x512", "code 0123456789ab"):
        assert part in lines[-1]


def test_without_a_benchmark_the_page_says_how_to_get_one(tmp_path):
    assert speed_lines("speed", tmp_path / "none.json") == ["Not measured yet: `make benchmark`."]
