"""How the server ends: whoever was connected is answered, whoever comes later is refused a connection."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI

from back.guards import protocol
from back.main import create_app
from back.server import Server
from tests.api import Store, answer_of, wait_until

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def app(shared_store: Store) -> FastAPI:
    return create_app(shared_store.settings())


@contextmanager
def ending(server: Server) -> Iterator[None]:
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("waiting", [1, 30])
def test_connections_that_wait_to_be_accepted_are_answered(app: FastAPI, waiting: int) -> None:
    clients: list[socket.socket] = []

    class Stopped(Server):
        """Ends at once; meanwhile the system takes connections, and nothing of the server runs."""

        async def main_loop(self) -> None:
            address = self.servers[0].sockets[0].getsockname()
            for _ in range(waiting):
                clients.append(socket.create_connection(address, timeout=20))
                clients[-1].sendall(ASK)

    with ending(Stopped(app, port=0)):
        wait_until(lambda: len(clients) == waiting, "the server to end")
        answers = [answer_of(client) for client in clients]
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * waiting


def test_a_connection_whose_request_is_on_its_way_is_answered_and_closed(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_LAST_SECONDS", 60.0)  # on a busy machine a request may be long on its way
    server = Server(app, port=0)
    with ending(server):
        wait_until(lambda: server.started, "the server to listen")
        address = server.servers[0].sockets[0].getsockname()
        with socket.create_connection(address, timeout=20) as silent, socket.create_connection(address) as half:
            half.settimeout(20)
            half.sendall(ASK[:20])
            wait_until(lambda: len(server.connections) == 2, "the connections")
            server.should_exit = True
            wait_until(lambda: refuses(address), "the server to listen no more")
            silent.sendall(ASK)
            half.sendall(ASK[20:])
            answers = [answer_of(silent), answer_of(half)]
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 2
    assert all(b"connection: close" in answer.lower() for answer in answers)


def test_silent_and_idle_connections_do_not_hold_up_the_end(app: FastAPI) -> None:
    server = Server(app, port=0)
    with ending(server):
        wait_until(lambda: server.started, "the server to listen")
        address = server.servers[0].sockets[0].getsockname()
        with socket.create_connection(address, timeout=20) as silent, socket.create_connection(address) as idle:
            idle.sendall(ASK)
            received = b""
            while not received.endswith(b'"ok"}'):
                received += idle.recv(65536)
            wait_until(lambda: len(server.connections) == 2, "the connections")
            server.should_exit, start = True, time.monotonic()
            assert (answer_of(silent), answer_of(idle)) == (b"", b"")
    assert time.monotonic() - start < 8  # uvicorn waits for ten


def refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
