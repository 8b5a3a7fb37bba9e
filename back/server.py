"""The app behind uvicorn: one process, its connections guarded, its end without a request cut off."""

import functools
from types import FrameType
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
        protocol = cast(type[GuardedProtocol], functools.partial(GuardedProtocol, self.connections))
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port if port is None else port,
                http=protocol,
                ws="none",
                log_config=None,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=10,
                # Longer than proxies and clients keep idle connections (nginx 60 s): none sends into a closed one.
                timeout_keep_alive=75,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._services.workers.drain()  # those who wait are told at once, or they would be cut off at the end
        super().handle_exit(sig, frame)
