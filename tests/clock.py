"""Time in tests that neighbours on the same processors cannot stretch."""

import time
from collections.abc import Callable


def least_seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Processor seconds of this thread in the best round: neighbours on the same processor slow one, not all."""
    taken = []
    for _ in range(rounds):
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return min(taken)
