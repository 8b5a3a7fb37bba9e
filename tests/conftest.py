"""How pytest-xdist's workers share the machine: one processor each, and all of them for a test that measures time."""

import atexit
import fcntl
import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # One OpenMP thread a worker: two teams on the same processors spin while they wait, ten times the work.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Until all test files are imported: what they bring stays, and looking at it again and again takes 6 of 27 s.
gc.disable()
# At the very end, else libraries that count their objects take what was kept for leaks. Not sooner: pytest ends with
# five collections.
atexit.register(gc.unfreeze)

# Two locks that all workers of a clone know: this file and its folder. A lock ends with the process that holds it.
GATE = os.open(__file__, os.O_RDONLY)
ROOM = os.open(Path(__file__).parent, os.O_RDONLY)


# Begun first, by a worker each: long tests, and those that share something dear (a browser before a whole stack; a
# running demo, an exported network). xdist gives each worker a run of tests that lie one behind the other. What a
# worker that is done earlier steals comes from a run's end, and is short and free of them.
DEAR = (
    ("tests/browser/",),
    (
        "tests/test_demo.py",
        "tests/test_dockerfiles.py",
        "tests/modelisation/evaluation/test_card_scores.py",
        "tests/modelisation/models/",
    ),
    ("tests/modelisation/notebooks/",),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that keep the others waiting come one after the other, then the rest; dear ones begin a worker's run."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    alone = [item for item in items if item.get_closest_marker("alone")]
    runs: list[list[pytest.Item]] = [alone, *([] for _ in range(workers - 1))]
    for number, names in enumerate(DEAR):
        runs[number % workers] += [item for item in items if item.nodeid.startswith(names) and item not in alone]
    begun = {id(item) for run in runs for item in run}
    rest = [item for item in items if id(item) not in begun]
    left = len(items)
    for number, run in enumerate(runs):
        size = left // (workers - number)  # as xdist cuts them
        left -= size
        missing = max(0, size - len(run))
        run += rest[:missing]
        del rest[:missing]
    items[:] = [item for run in runs for item in run] + rest


def pytest_collection_finish() -> None:
    """What the tests import stays for good."""
    gc.enable()
    gc.set_threshold(10_000)  # in place of 700: most of what tests make is freed without it
    _keep()


def _keep() -> None:
    """Collect what is garbage, and let later collections leave out what is not.

    Streamlit collects after each run of a page, which takes a second among all that other tests have left: the
    dashboard's tests took 100 s of processor time behind others, and 44 s in a process of their own.
    """
    gc.collect()
    gc.freeze()


# First, so that the time spent waiting counts for none of the timeouts.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Share the room with the other workers."""
    _enter(fcntl.LOCK_SH)
    threads = _threads() or int(os.environ.get("OMP_NUM_THREADS", 0))
    try:
        return (yield)
    finally:
        if threads and _threads() not in (None, threads):
            sys.modules["torch"].set_num_threads(threads)  # or all tests after this one would be ten times as slow
        if nextitem is not None and nextitem.path != item.path:
            _keep()  # the fixtures of this file are gone by now
        fcntl.flock(ROOM, fcntl.LOCK_UN)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Marked `alone`: wait until the room is empty and keep it so. Its fixtures were made beside other tests."""
    if item.get_closest_marker("alone") is None:
        return (yield)
    fcntl.flock(ROOM, fcntl.LOCK_UN)
    _enter(fcntl.LOCK_EX)
    try:
        return (yield)
    finally:
        fcntl.flock(ROOM, fcntl.LOCK_SH)


def _enter(how: int) -> None:
    """Whoever waits at the gate for an empty room keeps the others from entering meanwhile."""
    fcntl.flock(GATE, fcntl.LOCK_EX)
    fcntl.flock(ROOM, how)
    fcntl.flock(GATE, fcntl.LOCK_UN)


def _threads() -> int | None:
    """How many PyTorch computes with; None where it is not imported."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch is not None else None
