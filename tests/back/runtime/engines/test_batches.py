"""Requests that wait for a device together: in order, by size, each with its own answer or the batch's error."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from back.runtime.engines.batches import Batches


class Device:
    """Doubles numbers, and remembers its batches; the first one waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered, self.go = threading.Event(), threading.Event()

    def run_all(self, requests: list[int]) -> list[int]:
        self.batches.append(requests)
        self.entered.set()
        assert self.go.wait(10)
        if 13 in requests:
            raise ValueError("unlucky")
        return [2 * request for request in requests]


def served_while_busy(device: Device, batches: Batches[int, int], waiting: list[int]) -> list[int]:
    """The answers of requests of which all but the first come while the first one runs."""
    with ThreadPoolExecutor(len(waiting) + 1) as pool:
        first = pool.submit(batches.run, 1)
        assert device.entered.wait(10)
        others = []
        for count, request in enumerate(waiting, start=1):
            others.append(pool.submit(batches.run, request))
            while len(batches._waiting) < count:
                pass
        device.go.set()
        assert first.result(10) == 2
        return [other.result(10) for other in others]


def test_who_waits_together_goes_together_and_gets_its_own_answer() -> None:
    device = Device()
    batches = Batches(device.run_all, lambda request: request % 2)
    assert served_while_busy(device, batches, [3, 4, 5, 6, 7]) == [6, 8, 10, 12, 14]
    assert device.batches == [[1], [3, 5, 7], [4, 6]]


def test_a_batch_has_its_most() -> None:
    device = Device()
    batches = Batches(device.run_all, lambda request: 0, most=2)
    assert served_while_busy(device, batches, [2, 3, 4]) == [4, 6, 8]
    assert [len(batch) for batch in device.batches] == [1, 2, 1]


def test_an_error_is_told_to_all_of_its_batch_and_to_nobody_else() -> None:
    device = Device()
    batches = Batches(device.run_all, lambda request: request % 2)
    with pytest.raises(ValueError, match="unlucky"):
        served_while_busy(device, batches, [3, 13])
    assert batches.run(4) == 8
