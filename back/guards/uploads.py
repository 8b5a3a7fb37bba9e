"""A limit on the size of a request's body that holds while it is read, not after."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from back.problems import Problem, problem_response


class BodyLimitMiddleware:
    """Answers 413 to a body of more than `max_bytes`: at once where its length is declared, else when it gets there.

    Starlette has such a middleware too, but its answer is plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        allowed = f"{self.max_bytes / 1e6:g} MB"
        sentence = f"The request is larger than the {allowed} allowed; send a smaller or more compressed photo."
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self.max_bytes:
            await problem_response(scope["path"], 413, sentence)(scope, receive, send)
            return
        read = 0

        async def receive_and_count() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self.max_bytes:
                    raise Problem(413, sentence)
            return message

        await self.app(scope, receive_and_count, send)
