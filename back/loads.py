"""Loads in the background: a few at a time, and one that takes long makes room for the next."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from back.catalogue import ModelVersion

AT_ONCE = 2  # a compiled model from the cache takes one processor most of a second
SLOW_S = 10.0  # after which a load keeps no other from beginning
_MAX_SLOW = 6


class Loads:
    """What is being loaded now. May be used by several threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE + _MAX_SLOW, thread_name_prefix="load")
        self._turns = threading.Semaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._running: dict[ModelVersion, tuple[Future[None], float]] = {}

    def start(self, version: ModelVersion, load: Callable[[], None]) -> None:
        """Begin to load a version, unless that is under way. `load` must not raise."""

        def run() -> None:
            try:
                with self._turn():
                    load()
            finally:
                with self._lock:
                    del self._running[version]

        with self._lock:
            if version not in self._running:
                self._running[version] = self._pool.submit(run), time.monotonic()

    def wait(self, seconds: float | None) -> None:
        """Wait until what was begun is done, at most so long; None: however long it takes."""
        with self._lock:
            futures = [future for future, _ in self._running.values()]
        wait(futures, seconds)

    def age_s(self, version: ModelVersion) -> float | None:
        """For how long a version has been loading; None where it is not."""
        with self._lock:
            found = self._running.get(version)
        return None if found is None else time.monotonic() - found[1]

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One of the places, given to the next when this load is done or has taken long."""
        self._turns.acquire()
        given_back = threading.Lock()

        def give_back() -> None:
            if given_back.acquire(blocking=False):
                self._turns.release()

        timer = threading.Timer(SLOW_S, give_back)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            give_back()
