"""GET /runs and GET /runs/{run_id}: training runs and their curves, read from MLflow at each request."""

import math
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from back.mlflow_errors import mlflow_sentence
from back.problems import Problem, responses
from back.run_panel import PICTURE, panel_picture, panel_sizes
from back.runtime.mlflow_names import EXPERIMENT, PANEL_PHOTOS, epoch_of
from back.schemas import Point, RunDetail, RunEntry, RunsAnswer
from back.services import Services, ServicesDep

if TYPE_CHECKING:
    from mlflow.entities import Run

router = APIRouter(tags=["runs"])


class RunsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        default=None,
        max_length=300,
        description="only the runs that made versions of this model",
        examples=["segformer"],
    )
    limit: int = Field(default=100, ge=1, le=1000, description="newest first")


@router.get("/runs", summary="List training runs", response_model=RunsAnswer, responses=responses(404, 422, 503))
async def list_runs(request: Request, services: ServicesDep, query: Annotated[RunsQuery, Query()]) -> RunsAnswer:
    """Runs of MLflow's experiment `streetseg`, and those elsewhere that made a model that is served.

    Newest first, with parameters and the last value of each metric.
    """
    if query.model is not None and query.model not in services.registry.catalogue:
        services.registry.find(query.model)  # raises 404 or 503

    def work() -> RunsAnswer:
        client, ui = services.registry.client, services.settings.ui_url
        experiment = client.get_experiment_by_name(EXPERIMENT)
        # Which run made which model is known here, not to MLflow's search; so with a model all runs are looked at.
        most = query.limit if query.model is None else 1000
        found: list[Run] = []
        if experiment is not None:
            newest = ["attributes.start_time DESC"]
            found = list(client.search_runs([experiment.experiment_id], max_results=most, order_by=newest))
        if len(found) < most:
            found = sorted([*found, *_elsewhere(services, found)], key=lambda run: -run.info.start_time)[:most]
        entries = [RunEntry(**_entry(services, run)) for run in found]
        if query.model is not None:
            entries = [entry for entry in entries if entry.model == query.model][: query.limit]
        home = experiment.experiment_id if experiment is not None else None
        return RunsAnswer(mlflow_ui_url=ui, experiment_id=home, runs=entries)

    return await _ask(request, services, work)


@router.get(
    "/runs/{run_id}", summary="One run with its curves", response_model=RunDetail, responses=responses(404, 422, 503)
)
async def get_run(run_id: str, request: Request, services: ServicesDep) -> RunDetail:
    """Parameters, tags and every value of every metric."""
    _check_run_id(run_id)

    def work() -> RunDetail:
        client = services.registry.client
        run = client.get_run(run_id)
        history = {
            key: [
                Point(step=point.step, value=_finite_or_none(point.value), timestamp=point.timestamp)
                for point in sorted(client.get_metric_history(run_id, key), key=lambda p: (p.step, p.timestamp))
            ]
            for key in sorted(run.data.metrics)
            if not key.startswith("system/")  # a point a second, of interest only in MLflow's own pages
        }
        panel = sorted(epoch for name in panel_sizes(client, run_id) if (epoch := epoch_of(name)) is not None)
        return RunDetail(**_entry(services, run), history=history, panel=panel)

    return await _ask(request, services, work, missing=f"There is no run {run_id!r}; /runs lists them.")


@router.get(
    "/runs/{run_id}/panel/{file}",
    summary="Pictures of a run's validation split",
    response_class=Response,
    responses={200: PICTURE, **responses(404, 422, 503)},
)
async def get_panel(run_id: str, file: str, request: Request, services: ServicesDep) -> Response:
    """A few pictures one below the other: `photos.jpg`, their labels `truth.png`, and what the network made of them
    after an epoch, for example `epoch-00003.png`. White is not labelled.
    """
    _check_run_id(run_id)
    missing = f"The run has no picture {file[:40]!r}; /runs/{run_id} lists the epochs that have one."
    data = await _ask(
        request, services, lambda: panel_picture(services.registry.client, run_id, file), missing=missing
    )
    if data is None:
        raise Problem(404, missing)
    return Response(data, media_type="image/jpeg" if file == PANEL_PHOTOS else "image/png")


def _check_run_id(run_id: str) -> None:
    if not (run_id.isascii() and run_id.isalnum() and len(run_id) <= 64):
        raise Problem(404, f"There is no run {run_id[:80]!r}; /runs lists them.")


def _elsewhere(services: Services, known: "list[Run]") -> "list[Run]":
    """The runs that made the preferred versions, of those not known: their experiment may have another name now."""
    from mlflow.exceptions import MlflowException

    versions = [model.preferred_version() for model in services.registry.catalogue.values()]
    wanted = {version.run_id for version in versions if version is not None and version.run_id}
    runs: list[Run] = []
    for run_id in wanted - {run.info.run_id for run in known}:
        try:
            run = services.registry.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            continue
        if run.info.lifecycle_stage == "active":
            runs.append(run)
    return runs


def _entry(services: Services, run: "Run") -> dict[str, Any]:
    made = next(
        (
            version
            for model in services.registry.catalogue.values()
            for version in reversed(model.versions.values())
            if version.run_id == run.info.run_id
        ),
        None,
    )
    ui = services.settings.ui_url
    return {
        "run_id": run.info.run_id,
        "name": run.info.run_name or run.info.run_id,
        "status": run.info.status,
        "start_time": run.info.start_time,
        "end_time": run.info.end_time,
        "model": made.name if made else None,
        "version": made.version if made else None,
        "params": dict(run.data.params),
        "metrics": {key: _finite_or_none(value) for key, value in run.data.metrics.items()},
        "tags": {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")},
        "url": f"{ui}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}" if ui else None,
    }


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no NaN


async def _ask(request: Request, services: Services, work: Any, missing: str | None = None) -> Any:
    """Run a question to MLflow; its failures become problems."""
    try:
        return await services.ask_mlflow(work, request.is_disconnected)
    except Problem:
        raise
    except Exception as error:
        if missing and getattr(error, "error_code", None) in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise Problem(404, missing) from error
        sentence = mlflow_sentence(services.settings.mlflow_tracking_uri, error)
        raise Problem(
            503, f"{sentence} Predictions are not affected.", retry_after_s=10, cause="mlflow-away"
        ) from error
