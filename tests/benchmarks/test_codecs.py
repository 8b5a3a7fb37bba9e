"""Codecs are measured with whatever libraries are there."""

import numpy as np
import pytest

from modelisation.evaluation.latency import as_jpeg
from modelisation.reports.speed import codecs_table, describe_codecs_measurement
from tests.benchmarks import codec_ways
from tests.benchmarks.codec_ways import decode_ways, half_size_ways, importable, png_ways, resize_ways, whole_ways
from tests.benchmarks.codecs import measure

PHOTO = as_jpeg(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8))


@pytest.mark.parametrize("make", [decode_ways, half_size_ways, resize_ways, whole_ways])
def test_pillow_is_measured_where_no_other_library_is(make):
    rows = measure("task", make(PHOTO, {}), 2)
    assert rows[0]["way"] == "Pillow"
    assert rows[0]["changed"] == 0
    assert rows[0]["ms"]["p50"] > 0


def test_png_files_are_compared_by_their_size():
    rows = measure("task", png_ways(np.zeros((64, 64), np.uint8), {}), 2)
    assert all(row["bytes"] > 0 for row in rows)


def test_a_library_that_is_missing_is_left_out(monkeypatch):
    monkeypatch.setattr(codec_ways, "LIBRARIES", {"json": "json", "no_such_library": "no-such-library"})
    assert list(importable()) == ["json"]


def test_the_table_has_a_row_for_every_way():
    report = {
        "machine": {"processor": "A processor"},
        "rounds": 2,
        "packages": {"pillow": "13"},
        "missing": ["simplejpeg"],
        "rows": measure("task", resize_ways(PHOTO, {}), 2),
    }
    assert len(codecs_table(report)) == 2 + 2
    assert describe_codecs_measurement(report).endswith("pillow 13. Not installed: simplejpeg.")
