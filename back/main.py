"""The app factory. `python -m back` runs it, with its connections guarded (`back.server`).

`uvicorn --factory back.main:create_app` runs it, too, without those guards and on whatever address it is told.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from back.guards.access import AccessMiddleware
from back.guards.answers import AnswerMiddleware
from back.guards.keys import Keys
from back.guards.rates import Rates
from back.guards.uploads import UploadMiddleware, UploadRoom
from back.jobs.jobs import Jobs
from back.openapi import describe_forms
from back.problems import install_handlers, responses
from back.prometheus import Metrics, MetricsMiddleware
from back.registry import ModelRegistry
from back.routes import (
    classes,
    compare,
    differences,
    evaluations,
    health,
    images,
    jobs,
    labels,
    labelstudio,
    metrics,
    models,
    predict,
    runs,
    shared,
    upright,
    videos,
)
from back.runtime.process.threads import available_cpus
from back.services import Services
from back.settings import Settings, load_settings, unknown_variables
from back.shared_photos import SharedPhotos
from back.telemetry import start
from back.workers import Workers

log = logging.getLogger("streetseg")

_EXPOSED_HEADERS = ("X-Model", "X-Model-Version", "X-Model-SHA256", "X-Familiarity", "X-Unfamiliar")
# For the document and the button of /docs alone; `AccessMiddleware` checks the key.
_KEY_SCHEMES = [
    Security(APIKeyHeader(name="X-API-Key", auto_error=False)),
    Security(HTTPBearer(auto_error=False)),
]

DESCRIPTION = """Labels every pixel of a street photo: road, sidewalk, building, vehicle, pedestrian, vegetation, sky
or background.

Send a photo to **/predict** and get a mask of its own size, a clip to **/videos**, photos with labels to
**/evaluations**. **/compare** shows how models differ on one photo, **/models** and **/runs** say how good they are
and how they were trained.
Errors are problem details (RFC 9457) whose `detail` says what to do.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the API.

    Args:
        settings: default: from the environment.

    Raises:
        SettingsError: a variable in the environment holds a value that is not allowed.
        UserError: the file of keys cannot be read, or holds none.
    """
    settings = settings or load_settings()
    for name in unknown_variables():
        log.warning("Unknown setting %s is ignored; check its spelling.", name)
    keys = None if settings.keys_file is None else Keys(settings.keys_file)
    registry = ModelRegistry(settings)
    workers = Workers(cpus=settings.threads or available_cpus(), max_requests=settings.max_queue)
    kept = (Jobs(settings), SharedPhotos(settings))
    services = Services(settings, registry, workers, Metrics(), *kept, telemetry=start())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with services.keep_synced():
            yield

    # /docs brings the files of Swagger UI itself: it works without the internet and asks nobody else's server.
    make: Callable[..., FastAPI] = FastAPIOffline if settings.docs else FastAPI
    app = make(
        title="StreetSeg",
        version="1",
        summary="Semantic segmentation of street photos",
        description=DESCRIPTION,
        lifespan=lifespan,
        form_limits={"max_files": 4, "max_fields": 8, "max_part_size": 4096},
        redoc_url=None,
        telemetry=services.telemetry.of_fastapi if services.telemetry else None,
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        responses=responses(401, 429) if keys else responses(429),
        dependencies=_KEY_SCHEMES if keys else None,
    )
    app.state.services = services
    install_handlers(app)
    describe_forms(app)
    # The last that is added is the first that a request meets.
    app.add_middleware(
        UploadMiddleware,
        max_bytes=settings.max_body_bytes,
        # Of a form with a clip a little is not the clip.
        limits={
            videos.PATH: (settings.max_video_bytes + 65_536, "a smaller or more compressed clip"),
            evaluations.PATH: (settings.max_evaluation_bytes + 65_536, "fewer or smaller photos"),
            labelstudio.PREDICT: (labelstudio.MAX_BYTES, "fewer tasks"),
            labelstudio.SETUP: (labelstudio.MAX_BYTES, "a smaller label config"),
        },
        slow_seconds=settings.slow_seconds,
        room=UploadRoom(settings.max_upload_bytes),
        workers=workers,
    )
    rates = Rates(settings.rate_per_key, settings.rate_per_address)
    app.add_middleware(AccessMiddleware, keys=keys, rates=rates)
    app.add_middleware(MetricsMiddleware, metrics=services.metrics)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=[*_EXPOSED_HEADERS, "Server-Timing", "Retry-After", "X-Request-ID"],
        )
    app.add_middleware(AnswerMiddleware, log_requests=settings.log_requests)
    for module in (
        *(predict, compare, upright, shared),
        *((videos, evaluations, jobs) if settings.max_jobs else ()),
        *(labels, models, differences, images, classes, runs, health),
    ):
        app.include_router(module.router)
    if settings.label_studio_url is not None:
        app.include_router(labelstudio.router)
    if settings.metrics:
        app.include_router(metrics.router)
    return app
