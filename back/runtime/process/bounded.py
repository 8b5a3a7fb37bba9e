"""Work in a process of its own, which is ended when it takes too long or too much memory.

`run_bounded` starts `python -m MODULE`, whose main function is `answer_one(work)`: a JSON object in, one out. The
process ends with the one that started it, whatever happens to that.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from back.runtime.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[3]
_LOOK_S = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class TooMuchMemoryError(UserError):
    """The work needs more memory than it was given."""


class UnfinishedError(Exception):
    """The process was ended, or died, before it answered: says why."""


class WorkFailedError(Exception):
    """The work raised something else than a `UserError`: holds the exception's name and text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


def run_bounded(
    module: str,
    request: Mapping[str, Any],
    *,
    seconds: float,
    memory_bytes: int | None = None,
    watch: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """What the module's work answers.

    Args:
        module: run with `-m`; ends in `answer_one`.
        request: plain JSON values.
        seconds: after which it is ended.
        memory_bytes: resident memory at which it is ended, which Linux tells in /proc; None sets no limit.
            (By setrlimit libraries abort, or fail with a sentence that says nothing of memory.)
        watch: called every so often; ends the process by raising.
        stop: ends the process when set.

    Raises:
        UserError: the work's own.
        TooMuchMemoryError: it took more than `memory_bytes`.
        UnfinishedError: it took too long, died, or was stopped.
        WorkFailedError: the work raised another error.
        OSError: no process can be started.
    """
    command = [sys.executable, "-m", module]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=REPOSITORY) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            _wait(process, seconds, memory_bytes, watch, stop)
            answer = process.stdout.read()
        finally:
            process.kill()
    try:
        told = json.loads(answer)
    except ValueError:
        raise UnfinishedError(
            f"its process died ({process.returncode}), as it does where the machine has no memory left"
        ) from None
    if told["kind"] == "done":
        return dict(told["answer"])
    if told["kind"] == "user":
        raise UserError(told["text"])
    raise WorkFailedError(told["kind"], told["text"])


def _wait(
    process: "subprocess.Popen[bytes]",
    seconds: float,
    memory_bytes: int | None,
    watch: Callable[[], None],
    stop: threading.Event | None,
) -> None:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
            return
        watch()
        if memory_bytes is not None and _resident(process.pid) > memory_bytes:
            raise _too_much(memory_bytes)
        if stop is not None and stop.is_set():
            raise UnfinishedError("the service is being stopped")
        if time.monotonic() > end:
            raise UnfinishedError(f"it took longer than {seconds:g} s")


def _resident(pid: int) -> int:
    """Bytes of a process's memory; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _too_much(memory_bytes: int) -> TooMuchMemoryError:
    return TooMuchMemoryError(f"it needs more than {memory_bytes / 1e6:.0f} MB of memory")


def answer_one(work: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """The other end: read a request from standard input, do the work, write its answer to standard output."""
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What libraries print must not get between the lines of the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    with contextlib.suppress(OSError):  # where memory runs out, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        told: dict[str, Any] = {"kind": "done", "answer": dict(work(request))}
    except UserError as error:
        told = {"kind": "user", "text": str(error)}
    except BaseException as error:
        told = {"kind": type(error).__name__, "text": str(error)[:2000]}
    with os.fdopen(out, "wb") as file:
        file.write(json.dumps(told).encode())
        file.flush()
    os._exit(0)  # no waiting for threads of libraries


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # ends when the parent does
    os._exit(1)
