"""Stopping a long run without losing the step in hand."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.distributed import DistError

from back.runtime.errors import UserError
from modelisation.processes import ranks

INTERRUPTED_EXIT = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 - an event, not an error
    """Ctrl-C or a stop signal came; the checkpoint is written."""


class LostProcessError(UserError):
    """Another process of the run died, or its connection did."""


# What gloo, NCCL and torch say of a connection that ended; that they are of class DistError holds for some only.
_LOST = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe", "timed out")


@contextmanager
def notice_lost_process(save: Callable[[], object], run_dir: Path) -> Iterator[None]:
    """Turn what the libraries say where another process of the run is gone into a sentence.

    Args:
        save: keeps what can be kept.
        run_dir: folder of the run.

    Raises:
        LostProcessError: in place of a library's error.
    """
    try:
        yield
    except RuntimeError as error:
        said = str(error).lower()
        if ranks.number() == 1 or not (isinstance(error, DistError) or any(words in said for words in _LOST)):
            raise
        save()
        raise LostProcessError(
            "another process of this run has died or is out of reach, so the run ends. Its checkpoint is in "
            f"{run_dir}: go on with the same command and --resume"
        ) from error


@contextmanager
def catch_stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a flag, so that the step in hand is finished and saved.

    Yields:
        A function that tells whether one of them came.
    """
    received: list[int] = []
    handlers: dict[int, Any] = {s: signal.signal(s, lambda number, frame: received.append(number)) for s in _SIGNALS}
    try:
        yield lambda: bool(received)
    except LostProcessError:
        # The launcher now tells the others to stop, and kills them soon; this one has yet to say what happened.
        handlers = dict.fromkeys(_SIGNALS, signal.SIG_IGN)
        raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
