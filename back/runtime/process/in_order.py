"""The same work on many things, several at a time on threads, with the results in the things' own order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_order(work: Callable[[Thing], Result], things: Iterable[Thing], threads: int, ahead: int) -> Generator[Result]:
    """What `work` gives of each thing, in order; raises what it raises when that thing's turn comes.

    Args:
        threads: so many at a time.
        ahead: things that are worked on, or done, beside the one whose turn it is: memory does not grow with their
            number.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, "in-order") as pool:
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:  # GeneratorExit, too: whoever asked wants no more of them
            pool.shutdown(wait=False, cancel_futures=True)
            raise
