"""How pytest-xdist's workers share the machine: one processor each, and all of them for a test that measures time."""

import fcntl
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # One OpenMP thread a worker: two teams on the same processors spin while they wait, ten times the work.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Two locks that all workers of a clone know: this file and its folder. A lock ends with the process that holds it.
GATE = os.open(__file__, os.O_RDONLY)
ROOM = os.open(Path(__file__).parent, os.O_RDONLY)


# Begun first: long tests, and those that share something dear (a browser before a whole stack, a running demo, an
# exported network). What the worker that is done earlier steals comes from the end, and is short and free of them.
DEAR = ("tests/browser/", "tests/test_demo.py", "tests/test_dockerfiles.py", "tests/modelisation/models/",
        "tests/modelisation/notebooks/")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that keep the others waiting come one after the other, then the dear ones, then the rest as it lies."""

    def place(item: pytest.Item) -> int:
        dear = item.nodeid.startswith(DEAR)
        return 1 if dear else 0 if item.get_closest_marker("alone") else 2

    items.sort(key=place)


# First, so that the time spent waiting counts for none of the timeouts.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Share the room with the other workers, or, marked `alone`, wait until it is empty and keep it so."""
    # Whoever waits at the gate for an empty room keeps the others from entering meanwhile.
    fcntl.flock(GATE, fcntl.LOCK_EX)
    fcntl.flock(ROOM, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
    fcntl.flock(GATE, fcntl.LOCK_UN)
    threads = _threads() or int(os.environ.get("OMP_NUM_THREADS", 0))
    try:
        return (yield)
    finally:
        if threads and _threads() not in (None, threads):
            sys.modules["torch"].set_num_threads(threads)  # or all tests after this one would be ten times as slow
        fcntl.flock(ROOM, fcntl.LOCK_UN)


def _threads() -> int | None:
    """How many PyTorch computes with; None where it is not imported."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch is not None else None
