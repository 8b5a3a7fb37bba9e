"""A proxy between the dashboard and the API that can answer in the API's place, as the API itself would."""

import functools
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from fastapi.testclient import TestClient

from back.problems import problem_response
from tests.front.real_api import unready_api

Answer = tuple[int, Mapping[str, str], bytes]
StandIn = Callable[[str, str], Answer | None]  # of method and path; None lets the request through
_OF_ONE_CONNECTION = ("transfer-encoding", "connection", "content-encoding", "content-length", "date", "server")


def open_gate(method: str, path: str) -> Answer | None:
    """Everything reaches the API."""
    return None


def overloaded(method: str, path: str) -> Answer | None:
    """No photo is taken, questions are answered: the API has as many photos as it takes at once."""
    if method != "POST":
        return None
    detail = "64 photos are being worked on or wait; try again in 1 s."
    answer = problem_response(path, 503, detail, {"Retry-After": "1"}, "overloaded")
    return answer.status_code, answer.headers, bytes(answer.body)


def starting(method: str, path: str) -> Answer | None:
    """The API's own answers while it has no model yet."""
    answer = _starting_api().request(method, path)
    return answer.status_code, answer.headers, answer.content


@functools.cache
def _starting_api() -> TestClient:
    return unready_api("starting")


class Gate:
    """Listens on a free port of 127.0.0.1; `stand_in` may change at any time."""

    def __init__(self, api_url: str) -> None:
        self.stand_in: StandIn = open_gate
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, api_url))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Gate":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(gate: Gate, api_url: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, content = gate.stand_in(self.command, self.path) or self._passed_on(body)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _OF_ONE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _passed_on(self, body: bytes) -> Answer:
            sent = {"Content-Type": self.headers["Content-Type"]} if body else {}
            answer = requests.request(self.command, api_url + self.path, data=body, headers=sent, timeout=120)
            return answer.status_code, answer.headers, answer.content

        def log_message(self, format: str, *args: object) -> None:
            """Tests print nothing."""

    return Handler
