"""The API as a Ray Serve deployment, for clusters: `serve run back/replicas/serve.yaml`.

Each replica is an app of its own, made by the same `create_app` as that of `python -m back`. Ray Serve takes the
place of uvicorn there: connections, and how many requests wait, are its own, and so are limits on slow clients.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI
from ray import serve

from back.main import create_app
from back.runtime.process.memory import keep_heap_small
from back.services import Services

_LOOK_S = 0.2


def make_replica() -> FastAPI:
    """The app of one replica, with the settings in its environment; it starts when its models are loaded.

    Ray Serve sends requests to whatever has started, so one that has just been added would answer 503 for a while.
    """
    keep_heap_small()
    app = create_app()
    services: Services = app.state.services
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def until_ready(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            while services.registry.reason_not_ready() is not None:
                await asyncio.sleep(_LOOK_S)
            yield

    app.router.lifespan_context = until_ready
    return app


class API:
    """What Ray Serve starts, ends and counts."""


deployment = cast(serve.Deployment, serve.deployment(serve.ingress(make_replica)(API)))
app = deployment.bind()
