"""Requests that wait for a device at the same time go through it together.

A graphics card takes hardly longer for eight photos than for one. Nobody waits for a batch to fill: who comes while
the device is free runs at once and alone. Who comes while it is busy waits for that run. All who waited with inputs
of one size go next, as one. On a processor it would bring nothing: there one photo keeps all cores busy already.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")
MOST = 8


class Batches(Generic[Request, Result]):
    """Runs requests together; `run` may be called from several threads at once.

    Args:
        run_all: gives the results of requests with the same key, in their order; never called twice at once.
        key_of: which requests may go together.
        most: in one batch.
    """

    def __init__(
        self,
        run_all: Callable[[list[Request]], list[Result]],
        key_of: Callable[[Request], object],
        most: int = MOST,
    ) -> None:
        self._run_all, self._key_of, self._most = run_all, key_of, most
        self._waiting: list[tuple[Request, Future[Result]]] = []
        self._lock = threading.Lock()
        self._device = threading.Lock()

    def run(self, request: Request) -> Result:
        """The result of one request; raises what its batch raised."""
        mine: Future[Result] = Future()
        with self._lock:
            self._waiting.append((request, mine))
        with self._device:  # whoever gets it serves the oldest who wait, until its own is among them
            while not mine.done():
                self._serve_oldest()
        return mine.result()

    def _serve_oldest(self) -> None:
        with self._lock:
            key = self._key_of(self._waiting[0][0])
            batch = [entry for entry in self._waiting if self._key_of(entry[0]) == key][: self._most]
            taken = {id(entry) for entry in batch}
            self._waiting = [entry for entry in self._waiting if id(entry) not in taken]
        try:
            results = self._run_all([request for request, _ in batch])
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)
