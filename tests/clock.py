"""Time in tests that neighbours on the same processors cannot stretch."""

import time
from collections.abc import Callable


def least_seconds(work: Callable[[], object]) -> float:
    """Processor seconds of the best of three: neighbours on the same processor slow one of them, not all."""
    taken = []
    for _ in range(3):
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return min(taken)
