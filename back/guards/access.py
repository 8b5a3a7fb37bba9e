"""Who may ask: with a key where there are keys, and not too often."""

import base64
import binascii

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from back.guards.keys import Keys
from back.guards.rates import Rates
from back.problems import Problem, problem_response

# For supervisors and load balancers, which have no key and ask often.
_ALWAYS_OPEN = ("/healthz", "/readyz")
# Label Studio can send a user name and a password alone; the password is the key. Nowhere else, and never asked for,
# so that no browser keeps a key and sends it along by itself.
_BASIC = "/labelstudio/"
# A browser sends no key with a page; the pages tell nothing but what this API can do.
_PAGES = ("/docs", "/openapi.json", "/static-offline-docs")


class AccessMiddleware:
    """Answers 401 to whoever has no key, 429 to whoever asks too often; both before a byte of the body is read."""

    def __init__(self, app: ASGIApp, *, keys: Keys | None, rates: Rates) -> None:
        self.app = app
        self._keys = keys
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except Problem as problem:
                headers = problem.headers
                if problem.status_code == 401:
                    headers = {"WWW-Authenticate": "Bearer"}
                response = problem_response(scope["path"], problem.status_code, problem.detail, headers)
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        path: str = scope["path"]
        if path in _ALWAYS_OPEN:
            return
        key = _key_of(Headers(scope=scope), path)
        name = self._keys.name_of(key) if self._keys is not None and key is not None else None
        if name is not None:
            scope.setdefault("state", {})["key"] = name
            self._rates.count_key(name)
            return
        client = scope.get("client")
        self._rates.count_address(client[0] if client else None)
        if self._keys is not None and not path.startswith(_PAGES):
            wrong = "This key is not known" if key is not None else "This API asks for a key"
            raise Problem(
                401,
                f"{wrong}; send one as X-API-Key, or as Authorization: Bearer. Whoever runs the API makes it with "
                "`python -m back keys add NAME`.",
            )


def _key_of(headers: Headers, path: str) -> str | None:
    if (key := headers.get("x-api-key")) is not None:
        return key
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic" and path.startswith(_BASIC):
        try:
            return base64.b64decode(key.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return key.strip() if scheme.lower() == "bearer" else None
