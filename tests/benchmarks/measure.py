"""Interleaved timing, and what is said about it: percentiles, and ratios with their spread."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from tqdm import tqdm

Name = TypeVar("Name", bound=Hashable)

# Between two measurements: threads of the last one may go on spinning for a while.
PAUSE_S = 0.1


def interleaved(
    ways: Mapping[Name, Callable[[], float]], rounds: int, *, pause_s: float = PAUSE_S, what: str | None = None
) -> dict[Name, list[float]]:
    """Call every way once a round (A B C A B C …), so that whatever else the machine does meets all alike.

    Args:
        ways: name -> a call that returns its own time in milliseconds.
        rounds: how many values each way gets.
        what: shown beside a progress bar; None shows none.
    """
    times: dict[Name, list[float]] = {name: [] for name in ways}
    for _ in tqdm(range(rounds), what, unit="round", disable=what is None):
        for name, call in ways.items():
            time.sleep(pause_s)
            times[name].append(call())
    return times


def timed(function: Callable[[], object]) -> Callable[[], float]:
    """A call of `function` that returns its milliseconds."""

    def call() -> float:
        start = time.perf_counter()
        function()
        return (time.perf_counter() - start) * 1e3

    return call


def summary(times_ms: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    p50, p95 = np.percentile(times_ms, (50, 95)).tolist()
    return {"p50": round(p50, 3), "p95": round(p95, 3)}


def ratio(slow_ms: Sequence[float], fast_ms: Sequence[float]) -> dict[str, float]:
    """How many times faster, from the pairs of each round: median, and the 5th and 95th percentile as its spread."""
    pairs = np.asarray(slow_ms) / np.asarray(fast_ms)
    low, median, high = np.percentile(pairs, (5, 50, 95)).tolist()
    return {"median": round(median, 3), "low": round(low, 3), "high": round(high, 3)}
