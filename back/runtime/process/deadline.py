"""A question whose answer may never come, waited for so long and no longer."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
MAX_ABANDONED = 8  # threads that still wait for an answer that nobody wants any more
_abandoned: list[threading.Thread] = []


def within(seconds: float, function: Callable[[], T]) -> T:
    """What `function` returns or raises, in a thread that is left alone where it takes longer.

    For libraries whose own timeouts count the silence between two bytes: a server that sends one every few seconds
    would hold the caller for ever. The thread ends when the connection does, and keeps no process from ending.

    Raises:
        TimeoutError: it took longer, or too many earlier ones still wait.
    """
    _abandoned[:] = [thread for thread in _abandoned if thread.is_alive()]
    if len(_abandoned) >= MAX_ABANDONED:
        raise TimeoutError(f"{MAX_ABANDONED} earlier questions have not been answered yet")
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(function())
        except BaseException as error:
            answer.set_exception(error)

    thread = threading.Thread(target=ask, name="within", daemon=True)
    thread.start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        if thread.is_alive():
            _abandoned.append(thread)
        raise
