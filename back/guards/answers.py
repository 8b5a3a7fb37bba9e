"""What every answer carries: an id that the log names too, and headers that keep browsers from misusing it."""

import contextvars
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from back.problems import crash_response

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
# What a proxy or a client may name a request: nothing that could mean something in a log.
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
# Swagger UI's page: its own files, and the script and styles that are written into it.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
log = logging.getLogger("streetseg.requests")


class AnswerMiddleware:
    """Sets the id and the headers; with `log_requests`, one line in the log for each request."""

    def __init__(self, app: ASGIApp, *, log_requests: bool) -> None:
        self.app = app
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        name = given if _ID.fullmatch(given) else uuid.uuid4().hex
        request_id.set(name)  # of this request's task alone, so that nothing needs to reset it
        start = time.perf_counter()
        status: int | None = None

        async def finish_head(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = name
                for key, value in _HEADERS.items():
                    headers.setdefault(key, value)
                if scope["path"].startswith("/docs"):
                    headers["Content-Security-Policy"] = _PAGE_POLICY
            await send(message)

        try:
            await self.app(scope, receive, finish_head)
        except Exception as error:
            if status is None:  # here, because Starlette's own answer would come without the headers
                await crash_response(scope["method"], scope["path"], error)(scope, receive, finish_head)
            raise
        finally:
            if self._log_requests:
                self._log(scope, status or 500, (time.perf_counter() - start) * 1e3)

    def _log(self, scope: Scope, status: int, milliseconds: float) -> None:
        client = scope.get("client")
        told = {
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": status,
            "milliseconds": round(milliseconds, 1),
            "client": client[0] if client else None,
            "key": scope.get("state", {}).get("key"),
        }
        log.info("%s %s %d %.1f ms", *list(told.values())[:4], extra={"told": told})
