"""Who works when: a bounded number of requests, a few of them at a time, none on the event loop.

A request passes three gates. `admit` counts it, and refuses it at once when too many are here already: an answer
"try again in 3 s" beats a wait of minutes. The turn lets as many work at a time as keep the processors busy, so that
decoded photos (up to 200 MB each) do not pile up. Inside its turn a request decodes, infers and encodes on threads of
one pool.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from back.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")
IsGone = Callable[[], Awaitable[bool]]

# As many as the engine runs at once under load. When the first is alone in it, the other is resized meanwhile.
_INFERRING = 2
_LOOK_SECONDS = 0.25  # how often it is asked whether a client that waits is still there


class Workers:
    """The threads and the gates before them.

    Attributes:
        parallel: how many requests have their turn at a time.
    """

    def __init__(self, *, cpus: int, max_requests: int) -> None:
        # Besides those that infer, few: whoever decodes takes the processors from the engine.
        self.parallel = _INFERRING + max(1, cpus // 2)
        # One thread more, for the look at a photo's header before its turn.
        self._threads = ThreadPoolExecutor(self.parallel + 1, thread_name_prefix="work")
        self._turns = asyncio.Semaphore(self.parallel)
        self._large = asyncio.Lock()  # taken before the turn, so that whoever waits for it blocks no small photo
        self._max_requests = max_requests
        self._seconds = 0.5  # smoothed time of one turn, for Retry-After
        self.admitted = 0
        self.working = 0
        self._draining = False

    def drain(self) -> None:
        """Let those who work finish; who waits or comes is refused at once. May be called by a signal handler."""
        self._draining = True

    @contextlib.asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Count a request in.

        Raises:
            Problem: 503 with Retry-After; too many are waiting, or the service ends.
        """
        self.check_room()
        self.admitted += 1
        try:
            yield
        finally:
            self.admitted -= 1

    def check_room(self) -> None:
        """Whether another request would be admitted now.

        Raises:
            Problem: 503 with Retry-After; too many are waiting, or the service ends.
        """
        self._refuse_while_draining()
        if self.admitted >= self._max_requests:
            wait = min(30, max(1, math.ceil(self._seconds * self.admitted / self.parallel)))
            raise Problem(
                503,
                f"{self.admitted} photos are being worked on or wait; try again in {wait} s.",
                retry_after_s=wait,
                cause="overloaded",
            )

    @contextlib.asynccontextmanager
    async def turn(self, is_gone: IsGone, large: bool = False) -> AsyncIterator[None]:
        """Wait for the turn of an admitted request; those with large photos in memory take turns one at a time.

        Args:
            is_gone: the request's `is_disconnected`: whoever left gives up the place in the queue.

        Raises:
            Problem: 499, the client left; 503, the service ends before the turn came.
        """
        async with held(self._large, is_gone) if large else contextlib.nullcontext(), held(self._turns, is_gone):
            self._refuse_while_draining()
            self.working += 1
            start = time.perf_counter()
            try:
                yield
            finally:
                self.working -= 1
                self._seconds += 0.1 * (time.perf_counter() - start - self._seconds)

    def _refuse_while_draining(self) -> None:
        if self._draining:
            raise Problem(
                503, "The service is being stopped; send the photo again.", retry_after_s=5, cause="overloaded"
            )

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what takes long on a thread of the pool."""
        return await run_in(self._threads, lambda: function(*args, **kwargs))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


async def run_in(pool: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    """Run a function on a thread of the pool; whatever it raises ends this one call.

    A library in Rust that panics raises no `Exception`, SystemExit would end the event loop, and of StopIteration
    asyncio never tells whoever waits. All of them are a RuntimeError here.
    """

    def contained() -> T:
        try:
            return function()
        except StopIteration as error:
            raise RuntimeError("StopIteration") from error
        except Exception:
            raise
        except BaseException as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    return await asyncio.get_running_loop().run_in_executor(pool, contained)


@contextlib.asynccontextmanager
async def held(gate: asyncio.Lock | asyncio.Semaphore, is_gone: IsGone) -> AsyncIterator[None]:
    """Wait at a gate as long as the client is there, and hold it.

    Raises:
        Problem: 499, the client left.
    """
    taken = asyncio.ensure_future(gate.acquire())
    try:
        await unless_gone(taken, is_gone)
        yield
    finally:
        if taken.done() and not taken.cancelled():  # also where the client left just when its turn came
            gate.release()


async def unless_gone(awaitable: Awaitable[T], is_gone: IsGone) -> T:
    """Wait for something as long as the client is there that asked for it.

    Raises:
        Problem: 499; what was waited for is cancelled.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
            if await is_gone():
                raise Problem(499, "The client closed the connection.")
        return task.result()
    finally:
        task.cancel()  # no effect on what is done
