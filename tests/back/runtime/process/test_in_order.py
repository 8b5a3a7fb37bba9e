"""Work on threads gives its results in order, works no further ahead than asked, and stops where it fails."""

import threading
import time
from collections.abc import Iterator

import pytest

from back.runtime.process.in_order import in_order


def test_results_are_in_order_though_the_first_takes_longest() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert list(in_order(work, range(20), threads=3, ahead=4)) == [n * n for n in range(20)]


def test_several_are_worked_on_at_a_time() -> None:
    together = threading.Barrier(3, timeout=10)
    assert list(in_order(lambda _: together.wait() < 3, range(3), threads=3, ahead=3)) == [True] * 3


def test_no_more_are_taken_than_somebody_waits_for() -> None:
    taken: list[int] = []

    def things() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = in_order(lambda number: number, things(), threads=2, ahead=3)
    next(results)
    assert len(taken) == 4
    results.close()
    assert len(taken) == 4


def test_a_failure_comes_in_its_turn_and_ends_the_work() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("the third")
        return number

    results = in_order(work, range(1000), threads=2, ahead=4)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(results)
