"""The app factory. `python -m back` runs it; so does `uvicorn --factory back.main:create_app`."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from back.limits import BodyLimitMiddleware
from back.problems import install_handlers
from back.prometheus import Metrics, MetricsMiddleware
from back.registry import ModelRegistry
from back.routes import classes, compare, differences, health, images, labels, metrics, models, predict, runs
from back.runtime.process.threads import available_cpus
from back.services import Services
from back.settings import Settings, load_settings, unknown_variables
from back.workers import Workers

log = logging.getLogger("streetseg")

DESCRIPTION = """Labels every pixel of a street photo: road, sidewalk, building, vehicle, pedestrian, vegetation, sky
or background.

Send a photo to **/predict** and get a mask of its own size. **/compare** shows how models differ on one photo,
**/models** and **/runs** say how good they are and how they were trained.
Errors are problem details (RFC 9457) whose `detail` says what to do.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the API.

    Args:
        settings: default: from the environment.

    Raises:
        SettingsError: a variable in the environment holds a value that is not allowed.
    """
    settings = settings or load_settings()
    for name in unknown_variables():
        log.warning("Unknown setting %s is ignored; check its spelling.", name)
    registry = ModelRegistry(settings)
    workers = Workers(cpus=settings.threads or available_cpus(), max_requests=settings.max_queue)
    services = Services(settings, registry, workers, Metrics())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with services.keep_synced():
            yield

    # /docs brings the files of Swagger UI itself: it works without the internet and asks nobody else's server.
    app = FastAPIOffline(
        title="StreetSeg",
        version="1",
        summary="Semantic segmentation of street photos",
        description=DESCRIPTION,
        lifespan=lifespan,
        form_limits={"max_files": 4, "max_fields": 8, "max_part_size": 4096},
        redoc_url=None,
    )
    app.state.services = services
    install_handlers(app)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    app.add_middleware(MetricsMiddleware, metrics=services.metrics)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["X-Model", "X-Model-Version", "X-Model-SHA256", "Server-Timing", "Retry-After"],
        )
    for module in (predict, compare, labels, models, differences, images, classes, runs, health, metrics):
        app.include_router(module.router)
    return app
