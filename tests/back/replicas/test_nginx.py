"""What back/replicas/nginx.conf promises, with a real nginx before replicas that only play a part."""

import http.client
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from back.problems import ProblemDetails
from back.settings import Settings
from tests.api import free_port, wait_until
from tests.balancer import CONFIGURATION, NGINX, balancing, write_configuration

PHOTO = b"photo" * 100_000


class Part(BaseHTTPRequestHandler):
    """Plays a replica; the server's `part` says which, and `seen` what came."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def answer(self) -> None:
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        length = int(self.headers.get("Content-Length", 0))
        if self.path == "/first-piece":
            self.server.first_piece = self.rfile.read(5)
            length -= 5
        self.server.body = self.rfile.read(length)
        if self.server.part == "breaks off":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        status = 503 if self.server.part == "is full" else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        if status == 503:
            self.send_header("Retry-After", "17")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 # as the library asks for them

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Listens on a free port of this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Part)
        self.part, self.first_piece, self.body = "answers", b"", b""
        self.seen: list[tuple[str, str, dict[str, str]]] = []

    def count(self, method: str, path: str) -> int:
        return sum(seen[:2] == (method, path) for seen in self.seen)


@pytest.fixture(scope="module")
def replicas() -> Iterator[list[Server]]:
    servers = [Server(), Server()]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def url(replicas: list[Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two replicas, and a third that is not there."""
    ports = [*(server.server_port for server in replicas), free_port()]
    with balancing(tmp_path_factory.mktemp("nginx"), ports) as url:
        yield url


@pytest.fixture(autouse=True)
def anew(replicas: list[Server]) -> None:
    for server in replicas:
        server.part = "answers"
        server.seen.clear()


def problem_of(answer: requests.Response) -> ProblemDetails:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = ProblemDetails.model_validate({"instance": "", **answer.json()})
    assert problem.status == answer.status_code
    return problem


def test_replicas_that_are_not_there_cost_no_request(url: str, replicas: list[Server]) -> None:
    for _ in range(4):
        assert requests.get(f"{url}/classes", timeout=30).status_code == 200
        assert requests.delete(f"{url}/jobs/a", timeout=30).status_code == 200
    for _ in range(12):
        assert requests.post(f"{url}/predict", PHOTO, timeout=30).status_code == 200
        assert PHOTO in {server.body for server in replicas}
    shares = [server.count("POST", "/predict") for server in replicas]
    assert sum(shares) == 12
    assert min(shares) >= 4  # shared out


def test_nothing_that_a_replica_took_is_ever_sent_to_another(replicas: list[Server], tmp_path: Path) -> None:
    for server in replicas:
        server.part = "breaks off"
    ports = [server.server_port for server in replicas]
    with balancing(tmp_path, ports, max_fails=0) as url:  # asked again at once, whatever happened
        for number, body in enumerate((PHOTO, b"", iter([b"in ", b"pieces"]))):
            answer = requests.post(f"{url}/videos?{number}", body, timeout=30)
            assert (answer.status_code, answer.headers["Retry-After"]) == (502, "3")
            assert "send it again" in problem_of(answer).detail
            assert sum(server.count("POST", f"/videos?{number}") for server in replicas) == 1
        for method in ("GET", "DELETE"):  # which could be repeated, but not without the client's knowing
            answer = requests.request(method, f"{url}/jobs/a", timeout=30)
            assert (answer.status_code, answer.headers["Retry-After"]) == (502, "3")
            assert sum(server.count(method, "/jobs/a") for server in replicas) == 1


def test_where_no_replica_is_there_the_answer_says_when_to_come_again(tmp_path: Path) -> None:
    with balancing(tmp_path, [free_port(), free_port()]) as url:
        for method in ("GET", "POST"):
            answer = requests.request(method, f"{url}/predict", timeout=30)
            assert (answer.status_code, answer.headers["Retry-After"]) == (502, "3")
            assert "No replica of the API was reached" in problem_of(answer).detail


def test_what_a_full_replica_says_passes_through(url: str, replicas: list[Server]) -> None:
    for server in replicas:
        server.part = "is full"
    answer = requests.post(f"{url}/predict", b"x", timeout=30)
    assert (answer.status_code, answer.headers["Retry-After"], answer.content) == (503, "17", b"ok")
    assert sum(server.count("POST", "/predict") for server in replicas) == 1


def test_a_replica_is_told_the_client_s_address_whatever_the_client_calls_itself(
    url: str, replicas: list[Server]
) -> None:
    given = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Host": "streets.example:8443"}
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), source_address=("127.0.0.7", 0)) as own:
        connection = http.client.HTTPConnection("127.0.0.1")
        connection.sock = own
        connection.request("GET", "/classes", headers=given)
        assert connection.getresponse().status == 200
    ((_, _, headers),) = [seen for server in replicas for seen in server.seen]
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"]) == ("127.0.0.7", "http")
    assert headers["Host"] == "streets.example:8443"
    assert headers["Connection"] == "close"


def test_bodies_arrive_as_they_are_sent_and_within_the_api_s_limits(url: str, replicas: list[Server]) -> None:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"POST /first-piece HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")
        wait_until(lambda: b"first" in {server.first_piece for server in replicas}, "the first piece")
        connection.sendall(b"later")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    fields = Settings.model_fields
    text = CONFIGURATION.read_text(encoding="utf-8")
    assert text.count("client_max_body_size") == 3
    for path, setting in (("", "image"), ("= /videos", "video"), ("= /evaluations", "evaluation")):
        place = text.partition(f"location {path} {{")[2].partition("}")[0] if path else text
        assert (
            f"client_max_body_size {fields[f'max_{setting}_mb'].default}m; # STREETSEG_MAX_{setting.upper()}_MB"
            in place
        )
    answer = requests.post(f"{url}/predict", bytes(34_000_000), timeout=30)
    assert answer.status_code == 413
    assert "larger than this address allows" in problem_of(answer).detail
    assert requests.post(f"{url}/videos", bytes(34_000_000), timeout=30).status_code == 200
    assert requests.get(f"{url}/metrics", timeout=30).status_code == 404


def test_rates_are_counted_for_all_replicas_together(replicas: list[Server], tmp_path: Path) -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    for setting in ("rate_per_key", "rate_per_address"):
        assert Settings.model_fields[setting].default == "1200/minute"
    assert text.count("rate=1200r/m") == text.count("burst=200") == 2
    slower = text.replace("rate=1200r/m", "rate=1r/m").replace("burst=200", "burst=5")
    with balancing(tmp_path, [server.server_port for server in replicas], slower) as url:
        answers = [requests.get(f"{url}/classes", timeout=30) for _ in range(7)]
        assert {answer.status_code for answer in answers[:4]} == {200}
        assert (answers[-1].status_code, answers[-1].headers["Retry-After"]) == (429, "3")
        assert "Too many requests" in problem_of(answers[-1]).detail
        for header in ({"X-API-Key": "mine"}, {"Authorization": "Bearer other"}):  # each of its own
            statuses = [requests.get(f"{url}/classes", headers=header, timeout=30).status_code for _ in range(7)]
            assert (statuses[0], statuses[-1]) == (200, 429)


def test_the_file_for_docker_compose_differs_in_the_name_server_alone(tmp_path: Path) -> None:
    """Debian's nginx knows no `resolve` in an upstream, which nginx 1.27.3 brought; the rest it reads."""
    path, _ = write_configuration(tmp_path, [1])
    text = (CONFIGURATION.parent / "replicas.conf").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.strip().startswith(("#", "resolver "))]
    rest = "\n".join(lines).replace("server back:8000 resolve ", "server 127.0.0.1:8000 ")
    assert "resolve" not in rest
    (tmp_path / "replicas.conf").write_text(rest, encoding="utf-8")
    shutil.copy(CONFIGURATION.parent / "proxies.conf", tmp_path)
    done = subprocess.run([NGINX, "-t", "-c", path], capture_output=True, encoding="utf-8", timeout=30)
    assert done.returncode == 0, done.stderr
