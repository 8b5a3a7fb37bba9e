"""Clients that keep the service waiting: each is ended in time, and none takes a place that another one needs."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
from fastapi import FastAPI

from back.main import create_app
from tests.api import PHOTO, Store, answer_of, listening, noise_png, wait_until
from tests.hostile.figures import figure, rss_mb

SLOW_SECONDS = 0.8
CONNECTIONS = 24
PATIENCE = 20.0  # generous: the machine may be busy
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(PART), PART)
FORM = PART + PHOTO + b"\r\n--b--\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(FORM) + FORM


@pytest.fixture(scope="module")
def app(shared_store: Store) -> FastAPI:
    return create_app(
        shared_store.settings(
            slow_seconds=SLOW_SECONDS, max_connections=CONNECTIONS, max_image_mb=4, max_uploads_mb=4, max_queue=16
        )
    )


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with listening(app) as address:
        wait_until(lambda: requests.get(f"{address}/readyz", timeout=5).status_code == 200, "the API")
        yield address


@contextmanager
def connected(url: str, count: int = 1, receive_buffer: int | None = None) -> Iterator[list[socket.socket]]:
    host, port = url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(count):
            client = socket.socket()
            if receive_buffer is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.settimeout(PATIENCE)
            client.connect((host, int(port)))
            sockets.append(stack.enter_context(client))
        yield sockets


@contextmanager
def drip(clients: list[socket.socket], piece: bytes = b"x") -> Iterator[None]:
    """Keep sending a piece over each connection, ten times a second."""
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.1):
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(piece)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def busy(app: FastAPI) -> Iterator[None]:
    """No prediction ends while this is held."""
    workers, go_on = app.state.services.workers, threading.Event()
    real = workers.run

    async def run(function: Callable[..., object], *args: object, **named: object) -> object:
        def wait() -> object:
            if function.__name__ == "predict_array":
                go_on.wait(60)
            return function(*args, **named)

        return await real(wait)

    workers.run = run
    try:
        yield
    finally:
        go_on.set()
        del workers.run


def healthz_seconds(url: str) -> float:
    start = time.monotonic()
    assert requests.get(f"{url}/healthz", timeout=PATIENCE).status_code == 200
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("start", "piece", "status"),
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\nX: ", b"x", b"408", id="a byte at a time in the head"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nX: ", b"", b"408", id="half a head"),
        pytest.param(HEAD + b"Content-Length: 90000\r\n\r\n" + PART, b"x", b"408", id="a byte at a time in the body"),
        pytest.param(HEAD + b"Content-Length: 90000\r\n\r\n" + PART, b"", b"408", id="half a body"),
        pytest.param(CHUNKED, b"1\r\nx\r\n", b"408", id="a byte a chunk"),
        pytest.param(CHUNKED + b"1;", b"x", b"408", id="a chunk's name without end"),
        pytest.param(b"", b"", b"", id="nothing at all"),
        pytest.param(b"", b"\r\n", b"408", id="empty lines"),
    ],
)
def test_whoever_is_too_slow_is_ended_with_408(url: str, start: bytes, piece: bytes, status: bytes) -> None:
    begin = time.monotonic()
    with connected(url, 10) as clients:
        for client in clients:
            client.sendall(start)
        with drip(clients, piece) if piece else contextlib.nullcontext():
            answers = [answer_of(client) for client in clients]
        seconds = time.monotonic() - begin
    assert SLOW_SECONDS <= seconds < PATIENCE
    for answer in answers:
        assert answer[9:12] == status
        if status:
            assert b"application/problem+json" in answer
    figure("slow clients", tried=10, refused=len(answers), worst_s=seconds, worst_mb=rss_mb())


def test_a_sender_faster_than_the_slowest_line_may_take_its_time(url: str) -> None:
    form = PART + noise_png(60, 100) + b"\r\n--b--\r\n"  # 18 kB: a kilobyte each tenth of a second
    with connected(url) as (client,):
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(form))
        start = time.monotonic()
        for i in range(0, len(form), 1000):
            client.sendall(form[i : i + 1000])
            time.sleep(0.1)
        assert time.monotonic() - start > 1.5 * SLOW_SECONDS
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\n" + b"X: " + b"a" * 100_000, id="one header"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n" + b"X: a\r\n" * 20_000, id="many headers"),
        pytest.param(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="address"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n" + b"X: a\r\n" * 20_000 + b"\r\n", id="many headers and an end"),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 20_000, id="headers after the body"
        ),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 100_000, id="name of a chunk"),
    ],
)
def test_headers_are_bounded(url: str, start: bytes) -> None:
    with connected(url) as (client,):
        client.sendall(start)
        assert answer_of(client)[9:12] == b"431"


def test_requests_sent_ahead_are_bounded(url: str, app: FastAPI) -> None:
    with busy(app), connected(url) as (client,):
        client.sendall(WHOLE + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
        assert answer_of(client)[9:12] == b"400"


def test_a_client_that_closes_its_sending_side_gets_its_answer(url: str) -> None:
    with connected(url) as (client,):
        client.sendall(WHOLE)
        client.shutdown(socket.SHUT_WR)
        answer = answer_of(client).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n" * 1)
    assert b"HTTP/1.1 200 OK" in answer
    assert b"\x89PNG" in answer


@pytest.mark.parametrize(
    "start", [b"GET /healthz HTTP/1.1\r\nX: ", HEAD + b"Content-Length: 90000\r\n\r\n" + PART], ids=["head", "body"]
)
def test_half_a_request_and_an_end_is_400_at_once(url: str, start: bytes) -> None:
    with connected(url) as (client,):
        client.sendall(start)
        client.shutdown(socket.SHUT_WR)
        assert answer_of(client)[9:12] == b"400"


def test_whoever_leaves_the_queue_gives_up_the_place(url: str, app: FastAPI) -> None:
    workers = app.state.services.workers
    wait_until(lambda: workers.admitted == 0, "the queue to empty")
    with busy(app):
        with connected(url, 12) as clients:
            for client in clients:
                client.sendall(WHOLE)
            wait_until(lambda: workers.admitted == 12, "the requests")
            working = workers.working
        wait_until(lambda: workers.admitted <= working, "those who wait to be let go", PATIENCE)
    wait_until(lambda: workers.admitted == 0, "the queue to empty")
    assert requests.post(f"{url}/predict", files={"image": PHOTO}, timeout=PATIENCE).status_code == 200


def test_idle_connections_give_way_and_watching_goes_on(url: str) -> None:
    with connected(url, 5 * CONNECTIONS) as clients:
        for client in clients[::2]:
            client.sendall(b"GET /he")
        assert healthz_seconds(url) < PATIENCE
        answer = requests.post(f"{url}/predict", files={"image": PHOTO}, timeout=PATIENCE)
        assert answer.status_code == 200
        shown = requests.get(f"{url}/metrics", timeout=PATIENCE).text
    assert float(shown.split("\nstreetseg_connections ")[1].split()[0]) <= CONNECTIONS
    assert 'streetseg_ended_connections_total{reason="displaced"}' in shown


def test_uploads_that_crawl_give_way_when_all_connections_are_used(url: str) -> None:
    with connected(url, CONNECTIONS) as clients:
        for client in clients:
            client.sendall(HEAD + b"Content-Length: 90000\r\n\r\n" + PART)
        assert requests.post(f"{url}/predict", files={"image": PHOTO}, timeout=PATIENCE).status_code == 200


def test_a_reserve_answers_who_watches_while_every_connection_is_worked_on(shared_store: Store) -> None:
    app = create_app(shared_store.settings(max_connections=4, slow_seconds=5))
    with listening(app) as url:
        wait_until(lambda: requests.get(f"{url}/readyz", timeout=5).status_code == 200, "the API")
        with busy(app), connected(url, 4) as clients:
            for client in clients:
                client.sendall(WHOLE)
            wait_until(lambda: app.state.services.workers.admitted == 4, "the requests")
            healthz_seconds(url)
            refused = requests.post(f"{url}/predict", files={"image": PHOTO}, timeout=PATIENCE)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert refused.json()["type"] == "urn:streetseg:overloaded"
            with connected(url, 200):  # more than the reserve, and silent
                healthz_seconds(url)


def test_unfinished_uploads_hold_no_more_than_the_room_for_them(url: str) -> None:
    piece = b"x" * 1_000_000
    with connected(url, 8) as clients:
        for client in clients:
            with contextlib.suppress(ConnectionError):
                client.sendall(HEAD + b"Content-Length: 3900000\r\n\r\n" + PART + piece)
        # Whoever brings nothing for a second gives way to a photo, or it is refused at once and comes again.
        statuses = []

        def is_answered() -> bool:
            statuses.append(requests.post(f"{url}/predict", files={"image": PHOTO}, timeout=PATIENCE).status_code)
            return statuses[-1] == 200

        wait_until(is_answered, "room", PATIENCE)
    assert set(statuses) <= {200, 503}


def test_an_answer_that_nobody_reads_is_dropped(url: str, app: FastAPI) -> None:
    photo = noise_png(800, 1200)
    form = PART + photo + b"\r\n--b--\r\n"
    head = HEAD.replace(b"/predict", b"/predict?output=overlay") + b"Content-Length: %d\r\n\r\n" % len(form)
    ended = 'streetseg_ended_connections_total{reason="unread answer"}'
    with connected(url, receive_buffer=4096) as (client,):
        client.sendall(head + form)
        wait_until(lambda: ended in requests.get(f"{url}/metrics", timeout=PATIENCE).text, "its end", 2 * PATIENCE)


def test_whoever_sends_on_after_the_answer_is_ended(url: str) -> None:
    begin = time.monotonic()
    with connected(url) as (client,):
        client.sendall(HEAD.replace(b"/predict", b"/nope") + b"Content-Length: 3000000\r\n\r\n" + PART)
        assert client.recv(65536).startswith(b"HTTP/1.1 404")
        with drip([client]):
            answer_of(client)
    assert time.monotonic() - begin < PATIENCE


def test_an_early_refusal_reaches_a_client_that_sends_megabytes(url: str) -> None:
    answer = requests.post(f"{url}/predict", files={"image": bytes(40_000_000)}, timeout=PATIENCE)
    assert answer.status_code == 413
