"""Stopping a long run without losing the step in hand."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED_EXIT = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 - an event, not an error
    """Ctrl-C or a stop signal came; the checkpoint is written."""


@contextmanager
def catch_stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a flag, so that the step in hand is finished and saved.

    Yields:
        A function that tells whether one of them came.
    """
    received: list[int] = []
    handlers = {s: signal.signal(s, lambda number, frame: received.append(number)) for s in _SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
