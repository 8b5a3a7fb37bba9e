"""uvicorn's HTTP protocol with what it lacks: limits on how long, and with how much, a client keeps it waiting.

uvicorn itself has a time-out for idle connections alone, and no answer for a client that closes its sending side.
"""

import asyncio
import socket
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from back.guards.connections import UPLOADS, Connections
from back.guards.uploads import MIN_BYTES_PER_SECOND
from back.problems import Cause, problem_response

MAX_HEAD_BYTES = 65_536  # of a request's line and headers, and of anything else that is no body, in a row
_MAX_PIPELINED = 8  # requests sent ahead over one connection; browsers send none
_RESERVE_SECONDS = 2.0  # how long a connection in the reserve may take for its request
_LAST_SECONDS = 1.0  # how long a first request may take to come when the server ends
_DISCARD_SECONDS = 2.0  # how long what still comes is read and dropped, so that the client can read why
_PROBE_SECONDS = 0.05
_WATCHING = (b"/healthz", b"/readyz", b"/metrics")
_SEND_BUFFER = 262_144
_LARGE_HEAD = f"The request's headers are larger than {MAX_HEAD_BYTES // 1024} kB; send fewer, or shorter ones."
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `end_if_overdue` is called about once a second."""

    def __init__(self, connections: Connections, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._guard = connections
        self.is_reserve = False
        self._in_head = True  # what comes next, or has begun to come, is a request's head
        self._since = self.loop.time()  # when the wait for the client began
        self._no_body = 0  # bytes in a row that are no body
        self._discards_until: float | None = None
        self._half_closed = False
        self.unread_since = 0.0
        self.unread_bytes = 0

    @property
    def _is_working(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def keeps_waiting(self) -> tuple[int, float] | None:
        """How readily this connection gives way to another, least first; None while it is worked on."""
        if self._is_working:
            return (UPLOADS, self._since) if self.cycle.more_body else None
        if self.transport.get_write_buffer_size():  # its answer is on the way
            return (UPLOADS, self._since)
        return (1 if self._in_head and self._no_body else 0, self._since)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # What waits in the system's buffer cannot be seen to be unread, nor does it end with the connection.
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if not self._guard.enter(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._discards_until is not None:
            return
        self._no_body += len(data)
        super().data_received(data)
        if self._no_body > MAX_HEAD_BYTES and self._discards_until is None:
            self._refuse(431, _LARGE_HEAD, "large head")
        elif len(self.pipeline) > _MAX_PIPELINED:
            self._refuse(400, "Too many requests were sent ahead; wait for each answer.", "pipelined")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._since = True, self.loop.time()

    def on_headers_complete(self) -> None:
        self._in_head, self._since = False, self.loop.time()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            self._refuse(431, _LARGE_HEAD, "large head")
            return
        if self.is_reserve and self.url.partition(b"?")[0] not in _WATCHING:
            self.app = _refusing(503, f"All {self._guard.limit} connections are in use; try again in 5 s.", 5)
        else:
            self.app = self.config.loaded_app
        super().on_headers_complete()
        if self._guard.ending_since is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._no_body = 0
        if self._is_working:
            self._since = self.loop.time()
        if self._discards_until is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._no_body = 0
        if self._discards_until is not None:
            return
        super().on_message_complete()
        if not self._is_working:  # answered before it was read to its end, and now the connection can be used again
            self.cycle.more_body = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._since = self.loop.time()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that closed its sending side, as long as it is there to read the answer."""
        if self._discards_until is not None:
            return False
        if self._is_working and not self.cycle.more_body and not self._in_head:
            self._half_closed = True
            self.cycle.keep_alive = False
            self._probe(_PROBE_SECONDS)
            return True
        if (self._is_working and self.cycle.more_body) or (self._in_head and self._no_body):
            self._refuse(400, "The connection was closed before the request was complete; send it again.", "cut off")
        return False

    def shutdown(self) -> None:
        """The server ends: so does this connection, but not before a request that may be on its way is answered."""
        if self.cycle is not None and not (self._in_head and self._no_body):
            super().shutdown()

    def end_if_overdue(self, now: float) -> None:
        self._look_at_unread(now)
        slow = self._guard.slow_seconds
        if self._discards_until is not None:
            if now > self._discards_until:
                self.transport.close()
        elif self._is_working or self.transport.is_closing():
            pass  # a body that comes slowly ends in `uploads`, where the answer is made
        elif self._in_head:
            since, patience = self._wait_for_head()
            if now - since > patience:
                if self._no_body:
                    self._refuse(408, f"No whole request came in {patience:g} s; send it again.", "slow head")
                else:
                    self.end("silent")
        elif self.cycle is not None and self.cycle.more_body:  # answered, and it still sends
            if now - self._since > slow:
                self.end("slow body")
        elif now - self._since > self.timeout_keep_alive:  # uvicorn's own timer stops for good at any byte
            self.end("idle")

    def _wait_for_head(self) -> tuple[float, float]:
        """Since when, and for how many seconds, this connection may wait for a request's head."""
        slow, ending = self._guard.slow_seconds, self._guard.ending_since
        if ending is not None:
            return max(self._since, ending), min(slow, _LAST_SECONDS)
        return self._since, min(slow, _RESERVE_SECONDS) if self.is_reserve else slow

    def end(self, reason: str) -> None:
        """Cut the connection, whatever it waits for."""
        self._guard.ended[reason] += 1
        self.transport.abort()

    def _look_at_unread(self, now: float) -> None:
        """End a connection over which the answer goes more slowly than any line is."""
        size = self.transport.get_write_buffer_size()
        if size == 0 or self.unread_bytes == 0 or size > self.unread_bytes:
            self.unread_since, self.unread_bytes = now, size
        elif now - self.unread_since > self._guard.slow_seconds:
            if self.unread_bytes - size < MIN_BYTES_PER_SECOND * self._guard.slow_seconds:
                self.end("unread answer")
            self.unread_since, self.unread_bytes = now, size

    def _probe(self, delay: float) -> None:
        """Find out whether a client that sends no more is gone: then its machine refuses what is sent to it.

        What is sent is an interim response, which clients pass over. The first brings the refusal, the next meets it.
        """
        if not self._is_working or self.cycle.response_started or self.transport.is_closing():
            return
        if self.scope["http_version"] == "1.1":
            self.transport.write(_CONTINUE)
            self.loop.call_later(delay, self._probe, min(4.0, 3 * delay))

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "This is no HTTP/1.1 request; see /docs for how to ask.", "no http")

    def _refuse(self, status: int, detail: str, reason: str) -> None:
        """Answer without the app, where it has not begun to, and close: reading for a moment what still comes."""
        self._guard.ended[reason] += 1
        if self.transport.is_closing():
            return
        if self._is_working:
            if self.cycle.response_started:
                self.transport.abort()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        response = problem_response("/", status, detail, {"Connection": "close"})
        head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + bytes(response.body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._discards_until = self.loop.time() + _DISCARD_SECONDS


def _refusing(status: int, detail: str, retry_after_s: int | None = None) -> Any:
    headers = {"Connection": "close"} | ({} if retry_after_s is None else {"Retry-After": str(retry_after_s)})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        cause: Cause | None = "overloaded" if status == 503 else None
        await problem_response(scope["path"], status, detail, headers, cause)(scope, receive, send)

    return app
