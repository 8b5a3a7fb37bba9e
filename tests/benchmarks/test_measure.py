"""Timing is interleaved, and what is said about it can be checked by hand."""

import pytest

from tests.benchmarks.measure import interleaved, ratio, summary, timed


def test_every_way_is_called_once_a_round_in_turn():
    calls: list[str] = []
    ways = {name: lambda name=name: calls.append(name) or float(len(calls)) for name in "ABC"}
    times = interleaved(ways, 3, pause_s=0)
    assert "".join(calls) == "ABCABCABC"
    assert times == {"A": [1, 4, 7], "B": [2, 5, 8], "C": [3, 6, 9]}


def test_a_ratio_is_that_of_the_pairs_not_of_the_medians():
    # A round in which the whole machine was ten times slower does not move it.
    assert ratio([20, 200, 20], [10, 100, 10]) == {"median": 2, "low": 2, "high": 2}


def test_the_spread_of_a_ratio_lies_around_its_median():
    spread = ratio([10, 20, 30], [10, 10, 10])
    assert spread["median"] == 2
    assert 1 <= spread["low"] < 2 < spread["high"] <= 3


def test_median_and_95th_percentile():
    assert summary(list(range(101))) == {"p50": 50, "p95": 95}


@pytest.mark.alone
def test_a_call_s_time_is_milliseconds():
    import time

    assert timed(lambda: time.sleep(0.02))() == pytest.approx(20, abs=15)
