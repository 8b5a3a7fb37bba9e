"""Starts are timed until what people wait for is there. Small programs stand in for the real ones."""

import sys
import time

import pytest

from modelisation.reports.starts import starts_table
from tests.benchmarks.starts import Start, measure, seconds_of

SAYS_LOSS = "import time; print('loss=1', flush=True); time.sleep(60)"


def test_a_start_ends_when_it_happened_and_its_process_too(tmp_path):
    before = time.perf_counter()
    start = Start("says", 1, lambda _: [sys.executable, "-c", SAYS_LOSS], lambda _, text: "loss=" in text)
    assert 0 < seconds_of(start, tmp_path / "one") < 30
    assert time.perf_counter() - before < 30


def test_one_that_leaves_something_for_the_next_is_stopped_when_it_has(tmp_path):
    program = "import time; print('first', flush=True); time.sleep(1); open('{}', 'w'); time.sleep(60)"
    left = tmp_path / "left"
    start = Start(
        "says",
        1,
        lambda _: [sys.executable, "-c", program.format(left)],
        lambda _, text: "first" in text,
        lambda *_: left.exists(),
    )
    before = time.perf_counter()
    assert seconds_of(start, tmp_path / "one") < time.perf_counter() - before - 0.9
    assert left.exists()


def test_one_that_ends_before_is_told_with_its_last_line(tmp_path):
    start = Start("train", 1, lambda _: [sys.executable, "-c", "print('no data')"], lambda _, text: "loss=" in text)
    with pytest.raises(RuntimeError, match=r"^train: no data$"):
        seconds_of(start, tmp_path / "one")


def test_one_that_fails_is_not_timed(tmp_path):
    start = Start("help", 1, lambda _: [sys.executable, "-c", "raise SystemExit('broken')"])
    with pytest.raises(RuntimeError, match="broken"):
        seconds_of(start, tmp_path / "one")


def test_the_first_start_is_told_apart_from_the_warm_ones(tmp_path):
    program = "import pathlib, time; f = pathlib.Path(r'{}'); time.sleep(0 if f.exists() else 1); f.touch()"
    command = [sys.executable, "-c", program.format(tmp_path / "cache")]
    (row,) = measure([Start("cached", 1e9, lambda _: command)], 2, tmp_path)
    assert row["first_s"] > 1
    assert len(row["warm_s"]) == 2
    assert row["first_s"] > min(row["warm_s"])


def test_the_table_says_which_goal_is_missed():
    starts = [
        {"name": name, "goal_s": 2.0, "first_s": 9.0, "warm_s": [1.0, warm, 9.0]}
        for name, warm in (("a", 1.5), ("b", 3.0))
    ]
    machine = {"processor": "x", "cores": 2}
    lines = starts_table(
        {"starts": starts, "machine": machine, "load": 1.0, "date": "d", "git_commit": "c", "git_dirty": False}
    )
    assert lines[2:4] == ["| a | 2 | 9.00 | 1.50 (1.00–9.00) | yes |", "| b | 2 | 9.00 | 3.00 (1.00–9.00) | **no** |"]
