"""The app behind uvicorn: one process, its connections guarded, its end without a request cut off."""

import asyncio
import functools
import os
import socket
from collections.abc import Iterator
from typing import cast

import uvicorn
from fastapi import FastAPI

from back.guards.connections import Connections
from back.guards.protocol import GuardedProtocol
from back.services import Services


class Server(uvicorn.Server):
    """uvicorn with this API's settings.

    Args:
        app: made by `back.main.create_app`.
        max_connections: the settings' where the file descriptors carry so many.
        port: the settings'; 0 for any that is free.
    """

    def __init__(self, app: FastAPI, *, max_connections: int | None = None, port: int | None = None) -> None:
        self._services: Services = app.state.services
        settings = self._services.settings
        self.connections = Connections(
            max_connections or settings.max_connections, settings.slow_seconds, settings.max_upload_bytes
        )
        self._services.metrics.watch(self.connections)
        self._guarded = functools.partial(GuardedProtocol, self.connections)
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port if port is None else port,
                http=cast(type[GuardedProtocol], self._guarded),
                ws="none",
                log_config=None,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=10,
                # Longer than proxies and clients keep idle connections (nginx 60 s): none sends into a closed one.
                timeout_keep_alive=75,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, answer every connection that was made until then, and end.

        Whoever was connected has sent a request, or may just be sending it: behind a load balancer such a request
        would be lost, while one for which no connection can be made is sent to another replica.
        """
        loop = asyncio.get_running_loop()
        self.connections.ending_since = loop.time()
        for connection in list(self._stop_listening()):  # all before any is served: meanwhile others would come
            await loop.connect_accepted_socket(self._new_protocol, connection)
        self._services.workers.drain()  # those who wait are told at once, or they would be cut off at the end
        await super().shutdown(sockets)

    def _stop_listening(self) -> Iterator[socket.socket]:
        """Close every listening socket; yields the connections that still waited to be accepted.

        The system resets those that wait when the last descriptor of the socket is closed, so one is kept until none
        waits.
        """
        for server in self.servers:
            listening = [socket.socket(fileno=os.dup(sock.fileno())) for sock in server.sockets]
            server.close()
            for sock in listening:
                with sock:
                    sock.setblocking(False)
                    while True:
                        try:
                            connection, _ = sock.accept()
                        except OSError:  # none waits, or no descriptor is left for it
                            break
                        connection.setblocking(False)
                        yield connection

    def _new_protocol(self) -> asyncio.Protocol:
        return self._guarded(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
