"""POST /labelstudio/setup and /labelstudio/predict, GET /labelstudio/health: Label Studio's ML backend.

Only where STREETSEG_LABEL_STUDIO_URL is set. It keeps nothing: Label Studio sends the label config with each request.
"""

import io
import logging
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from back.label_studio.config import MAX_CHARACTERS, LabelConfig, left_out, read_config
from back.label_studio.pictures import Pictures
from back.label_studio.results import results_of
from back.loading import Served
from back.pipeline import decode, infer, is_large
from back.problems import JSON_PATHS, Problem, responses
from back.schemas import Answer
from back.services import Services, ServicesDep
from back.workers import held

router = APIRouter(prefix=JSON_PATHS.rstrip("/"), tags=["annotation tools"])
PREDICT, SETUP = f"{JSON_PATHS}predict", f"{JSON_PATHS}setup"
# Label Studio sends what tasks are labelled with already, which is not read; JSON is parsed in one go.
MAX_BYTES = 8_000_000
MAX_TASKS = 500
MAX_ANSWER_BYTES = 64_000_000
_LEFT_OUT = "classes of the model that the config has no label for"
log = logging.getLogger("streetseg")

ConfigText = Annotated[str, Field(max_length=MAX_CHARACTERS, description="the project's label config, XML")]


class Sent(BaseModel):
    """Label Studio's versions send more or less beside what is read here."""

    model_config = ConfigDict(extra="ignore", strict=True)


class SetupRequest(Sent):
    label_config: ConfigText = Field(alias="schema")


class Task(Sent):
    data: dict[str, Any] = Field(examples=[{"image": "/data/upload/1/street.jpg"}])


class PredictRequest(Sent):
    tasks: list[Task] = Field(min_length=1, max_length=MAX_TASKS)
    label_config: ConfigText


class SetupAnswer(Answer):
    model_version: str = Field(examples=["segformer/1"])
    left_out: list[str] = Field(
        description="classes of the model that the config has no label for", examples=[["sky"]]
    )


class TaskPrediction(Answer):
    model_version: str
    result: list[dict[str, Any]] = Field(description="brushes or polygons; none where the task could not be labelled")


class TasksAnswer(Answer):
    results: list[TaskPrediction] = Field(description="one a task, in their order")
    model_version: str
    left_out: list[str] = Field(description=_LEFT_OUT)
    problems: list[str] = Field(description="why tasks could not be labelled, in sentences")


class UpAnswer(Answer):
    status: Literal["UP"] = "UP"


@router.get("/health", summary="Is the ML backend there", response_model=UpAnswer)
async def health() -> UpAnswer:
    """What Label Studio asks before it connects."""
    return UpAnswer()


@router.post(
    "/setup",
    summary="Look at a project's label config",
    response_model=SetupAnswer,
    responses=responses(400, 404, 408, 413, 422, 503),
)
async def setup(body: SetupRequest, services: ServicesDep) -> SetupAnswer:
    """Says which model would answer, and which of its classes the config has no label for."""
    config = await services.workers.run(read_config, body.label_config)
    served = await services.find_model(config.model)
    missing = left_out(config.labels_of(served.predictor.card.taxonomy), served.predictor.card.taxonomy)
    if missing:
        log.warning("Label Studio: the label config has no label for %s, which is left out", ", ".join(missing))
    return SetupAnswer(model_version=_version_of(served), left_out=missing)


@router.post(
    "/predict",
    summary="Label the pictures of tasks",
    response_model=TasksAnswer,
    responses=responses(400, 404, 408, 413, 415, 422, 503),
)
async def predict(request: Request, body: PredictRequest, services: ServicesDep) -> Response:
    """Reads each task's picture from Label Studio and answers in the form that its label config asks for: brushes for
    BrushLabels, polygons for PolygonLabels.

    A class is named like its label, or among the label's `predicted_values`. The attribute `model_name` of the
    BrushLabels or PolygonLabels says which model answers. A task that cannot be labelled gets an empty result and a
    sentence in `problems`; where none can be labelled, the answer is an error.
    """
    config = await services.workers.run(read_config, body.label_config)
    served = await services.find_model(config.model)
    taxonomy = served.predictor.card.taxonomy
    labels = config.labels_of(taxonomy)
    pictures = Pictures(services.settings)
    predictions: list[bytes] = []  # as JSON, which takes half the memory of lists of numbers
    problems: list[str] = []
    async with services.workers.admit():
        for number, task in enumerate(body.tasks, 1):
            if await request.is_disconnected():
                raise Problem(499, "The client closed the connection.")
            try:
                prediction = await _label(request, services, served, config, labels, pictures, task)
            except Problem as problem:
                # What ails the server ails all tasks: Label Studio asks again.
                if problem.status_code >= 499 or len(body.tasks) == 1:
                    raise
                problems.append(f"Task {number}: {problem.detail}")
                prediction = _encoded(served, [])
            predictions.append(prediction)
            if sum(map(len, predictions)) > MAX_ANSWER_BYTES:
                raise Problem(
                    413, f"The labels of {number} tasks are more than one answer holds; select fewer tasks."
                )
    for sentence in problems:
        log.warning("Label Studio: %a", sentence)
    if len(problems) == len(predictions):
        raise Problem(400, f"None of the {len(problems)} tasks could be labelled. {problems[0]}")
    rest = TasksAnswer(
        results=[], model_version=_version_of(served), left_out=left_out(labels, taxonomy), problems=problems
    )
    tail = rest.model_dump_json(exclude={"results"}).encode()[1:]
    return Response(b'{"results":[' + b",".join(predictions) + b"]," + tail, media_type="application/json")


async def _label(
    request: Request,
    services: Services,
    served: Served,
    config: LabelConfig,
    labels: dict[int, str],
    pictures: Pictures,
    task: Task,
) -> bytes:
    address = pictures.address_of(task.data.get(config.image_key))
    async with held(services.fetching, request.is_disconnected):
        file = UploadFile(io.BytesIO(await pictures.fetch(address)))
        large = await is_large(services, file, [served], "classes")
        async with services.workers.turn(request.is_disconnected, large):
            upload = await decode(services, file, request, [served], "classes")
            prediction = await infer(services, served, upload)
            services.metrics.observe_stages(served.name, {"decode": upload.decode_ms, **prediction.timings_ms})
            return await services.workers.run(
                lambda: _encoded(served, results_of(prediction.labels_HW, labels, config))
            )


def _encoded(served: Served, result: list[dict[str, Any]]) -> bytes:
    return TaskPrediction(model_version=_version_of(served), result=result).model_dump_json().encode()


def _version_of(served: Served) -> str:
    return f"{served.name}/{served.version.version}"
