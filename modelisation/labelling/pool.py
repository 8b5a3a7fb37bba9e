"""Many photos to labels on one machine: a process for each processor; a few photos in this process.

A process that dies, by a decoder's fault or for want of memory, takes no photo with it: those it had in hand are
labelled again, one at a time, and only one that ends its process twice when it is alone counts as failed.
`python -m tests.benchmarks.folder` measures both ways; docs/performance.md says what came out.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path

from back.runtime.process.in_order import in_order
from modelisation.labelling.labeller import Failed, Labeller, Options, Outcome, Task

# Of threads: two run the network, as its two streams can; one more reads and decodes meanwhile.
_THREADS = 3
_AHEAD = 6  # photos between their files and whoever takes their labels, so that memory does not grow with the folder
_BATCH = 8  # photos that a process takes at a time: it reads ahead of itself within them
_TRIES = 2  # of a photo that ends its process


def label_here(labeller: Labeller, tasks: Iterable[Task]) -> Generator[Outcome]:
    """Label photos in this process, several at a time, and give their outcomes in order."""
    return in_order(labeller.label, tasks, _THREADS, _AHEAD)


def label_in_processes(
    bundle: Path, options: Options, tasks: Iterable[Task], workers: int, threads: int = 1
) -> Generator[Outcome]:
    """Label photos in so many processes, and give their outcomes: in order, but for those whose process died.

    Args:
        bundle: folder of the model; each process loads it.
        workers: processes, each with so many `threads` for its network.

    Raises:
        UserError: the model cannot be loaded.
    """
    rest, processes = iter(tasks), _Processes(bundle, options, workers, threads)
    try:
        while lost := (yield from _until_one_dies(processes, rest)):
            processes.renew()
            yield from (processes.label_alone(task) for task in lost)
    finally:
        processes.close()


def _until_one_dies(processes: "_Processes", rest: Iterator[Task]) -> Generator[Outcome, None, list[Task]]:
    """Label until the end, or until a process dies: then the photos that were in hand are returned."""
    waiting: deque[tuple[list[Task], Future[list[Outcome]]]] = deque()
    while True:
        while len(waiting) < 2 * processes.count and (batch := list(islice(rest, _BATCH))):
            waiting.append((batch, processes.submit(batch)))
        if not waiting:
            return []
        if isinstance(waiting[0][1].exception(), BrokenProcessPool):
            break
        yield from waiting.popleft()[1].result()
    lost = []
    for batch, future in waiting:
        if isinstance(future.exception(), BrokenProcessPool):
            lost += batch
        else:
            yield from future.result()
    return lost


class _Processes:
    """A pool of processes that each hold the model."""

    def __init__(self, bundle: Path, options: Options, count: int, threads: int) -> None:
        self.count, self._arguments = count, (bundle, options, threads)
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        # Not forked: the threads of OpenVINO and Arrow would not be there, but their locks would.
        return ProcessPoolExecutor(self.count, get_context("spawn"), _begin, self._arguments)

    def submit(self, batch: list[Task]) -> "Future[list[Outcome]]":
        try:
            return self._pool.submit(_label, batch)
        except BrokenProcessPool as error:
            failed: Future[list[Outcome]] = Future()
            failed.set_exception(error)
            return failed

    def label_alone(self, task: Task) -> Outcome:
        """Label a photo that may have ended its process, with no other beside it."""
        for _ in range(_TRIES):
            future = self.submit([task])
            if not isinstance(future.exception(), BrokenProcessPool):
                return future.result()[0]
            self.renew()
        return Failed(task.photo, f"ended the process that labelled it, {_TRIES} times; look at it, or leave it out")

    def renew(self) -> None:
        """A pool in which one died takes no more photos."""
        self.close()
        self._pool = self._new()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


_begun: tuple[Path, Options, int]
_labeller: Labeller | None = None


def _begin(bundle: Path, options: Options, threads: int) -> None:
    """In a process of the pool, before its first photo."""
    global _begun
    _begun = bundle, options, threads
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C comes to all; the first process ends the others in order
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _label(tasks: list[Task]) -> list[Outcome]:
    """In a process of the pool; the model is loaded here, where its errors find their way back."""
    global _labeller
    if _labeller is None:
        _labeller = Labeller.of_bundle(*_begun)
    return list(_labeller.label_all(tasks))


def _end_with_parent() -> None:
    """A process that waits for photos would wait for ever where its parent is killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
