"""A full run fills the pages; a quick one stays out of docs/."""

import pytest

from modelisation.reports.speed import BENCHMARK
from tests.benchmarks.serving import QUICK, parse


def test_a_full_run_writes_docs_and_a_quick_one_out():
    assert parse([]).json == BENCHMARK
    assert parse(["--quick"]).json == QUICK


def test_a_quick_run_cannot_be_told_to_write_docs(capsys):
    with pytest.raises(SystemExit):
        parse(["--quick", "--json", str(BENCHMARK)])
    assert "too little for docs/" in capsys.readouterr().err
