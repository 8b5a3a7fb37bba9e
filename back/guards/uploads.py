"""Limits on the body of a request that hold while it is read: its size, its pace, and all bodies together."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from back.problems import Problem, problem_response
from back.workers import Workers

# Slower than any line that a photo is sent over. Whoever is slower is ended, whoever is faster is let finish.
MIN_BYTES_PER_SECOND = 4000
_IDLE_SECONDS = 1.0  # an upload that brought nothing for so long gives way to another when there is no room


@dataclass(eq=False)
class _Upload:
    """One body that arrives, or has arrived and is worked on."""

    held: int = 0
    last_piece: float = field(default_factory=time.monotonic)
    waiting: asyncio.Timeout | None = None  # while its next piece is waited for
    displaced: bool = False


class UploadRoom:
    """The bytes of all uploads that are arriving, waiting or worked on: they lie in memory or in temporary files."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held = 0
        self._uploads: set[_Upload] = set()

    def enter(self) -> _Upload:
        upload = _Upload()
        self._uploads.add(upload)
        return upload

    def leave(self, upload: _Upload) -> None:
        self._uploads.discard(upload)
        self.held -= upload.held
        upload.held = 0

    def take(self, upload: _Upload, size: int) -> None:
        """Count a piece of an upload; the one that has stood still for longest gives way where there is no room.

        Raises:
            Problem: 503, there is no room, and no upload stands still.
        """
        now = time.monotonic()
        while self.held + size > self.max_bytes:
            still = [other for other in self._uploads if other.waiting is not None and other is not upload]
            oldest = min(still, key=lambda other: other.last_piece, default=None)
            if oldest is None or now - oldest.last_piece < _IDLE_SECONDS or oldest.waiting is None:
                raise Problem(
                    503,
                    f"Uploads of {self.held / 1e6:.0f} MB are being worked on; try again in 5 s.",
                    retry_after_s=5,
                    cause="overloaded",
                )
            oldest.displaced = True
            oldest.waiting.reschedule(asyncio.get_running_loop().time())
            self.leave(oldest)
        upload.last_piece = now
        upload.held += size
        self.held += size


class UploadMiddleware:
    """Answers 413 to a body that is too large, 408 to one that comes too slowly, 503 where there is no room for it.

    At once where that can be known from the headers, else when it shows.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        limits: Mapping[str, tuple[int, str]],
        slow_seconds: float,
        room: UploadRoom,
        workers: Workers,
    ) -> None:
        """`limits`: paths with a limit of their own, its bytes, and what to send where it is passed."""
        self.app = app
        self._max_bytes = max_bytes
        self._limits = limits
        self._slow_seconds = slow_seconds
        self._room = room
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = self._room.enter()
        try:
            try:
                self._look_at_headers(scope)
            except Problem as problem:
                await problem_response(
                    scope["path"], problem.status_code, problem.detail, problem.headers, problem.cause
                )(scope, receive, send)
                return
            await self.app(scope, _Body(self, upload, receive, scope).receive, send)
        finally:
            self._room.leave(upload)

    def _look_at_headers(self, scope: Scope) -> None:
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self.limit_of(scope)[0]:
            raise self.too_large(scope)
        if scope["method"] == "POST":  # before megabytes travel for nothing
            self._workers.check_room()

    def limit_of(self, scope: Scope) -> tuple[int, str]:
        """Bytes that the body of a request may have, and what to send in place of a larger one."""
        return self._limits.get(scope["path"], (self._max_bytes, "a smaller or more compressed photo"))

    def too_large(self, scope: Scope) -> Problem:
        limit, instead = self.limit_of(scope)
        return Problem(413, f"The request is larger than the {limit / 1e6:.4g} MB allowed; send {instead}.")


class _Body:
    """The `receive` of one request: counts what comes and ends what does not."""

    def __init__(self, limits: UploadMiddleware, upload: _Upload, receive: Receive, scope: Scope) -> None:
        self._limits = limits
        self._scope = scope
        self._max_bytes = limits.limit_of(scope)[0]
        self._upload = upload
        self._receive = receive
        self._read = 0
        self._complete = False
        self._window_start = asyncio.get_running_loop().time()
        self._window_bytes = 0

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        message = await self._next_piece()
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._read += size
            self._window_bytes += size
            self._complete = not message.get("more_body", False)
            if self._read > self._max_bytes:
                raise self._limits.too_large(self._scope)
            self._limits._room.take(self._upload, size)
        elif not self._complete:
            raise Problem(499, "The client closed the connection.")
        return message

    async def _next_piece(self) -> Message:
        seconds = self._limits._slow_seconds
        while True:
            try:
                async with asyncio.timeout_at(self._window_start + seconds) as self._upload.waiting:
                    return await self._receive()
            except TimeoutError:
                if self._upload.displaced or self._window_bytes < MIN_BYTES_PER_SECOND * seconds:
                    raise Problem(
                        408,
                        f"Less than {MIN_BYTES_PER_SECOND // 1000} kB a second of the request came; "
                        "send it again over a faster line, or a smaller photo.",
                        closes=True,
                    ) from None
                self._window_start = asyncio.get_running_loop().time()
                self._window_bytes = 0
            finally:
                self._upload.waiting = None
