"""POST /evaluations: score a model, or two, over photos with labels, in the background; see `back.routes.jobs`."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from back.job_answers import FoldersAnswer, JobAnswer
from back.jobs.table import Job, Told
from back.loading import Served
from back.problems import Problem, responses
from back.routes.jobs import job_answer, owner_of
from back.routes.queries import WantedModel
from back.runtime.evaluation.limits import RESULT_FILE, TABLE_FILE
from back.runtime.labels.guess import fitting_kinds
from back.runtime.taxonomy import Taxonomy, common_of
from back.services import Services, ServicesDep

PATH = "/evaluations"
MAX_FILES = 100  # of one form; each may take an open file, so more come in a zip
router = APIRouter(tags=["jobs"])
_FILES = {"result": RESULT_FILE, "pictures": TABLE_FILE}
_Kind = Annotated[
    str | None,
    Field(
        max_length=100,
        description="what the values of the labels mean: street8, cityscapes19 (trainIds), cityscapes_label_ids, "
        "cityscapes7 or camvid11, or the class set of the model; default: what they most likely are, which the job "
        "says in label_kind",
    ),
]
_Split = Annotated[
    str | None, Field(max_length=100, description="of a data set with several; default: val, else test, else all")
]
_Clips = Annotated[
    Literal["names", "none"],
    Field(
        description="names: pictures whose names differ by a number alone are frames of one clip, whose neighbours "
        "count as one for the intervals; none: every picture is a street of its own"
    ),
]


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: WantedModel = None
    other: Annotated[
        str | None, Field(max_length=300, description="a second model, scored on the same photos", examples=["unet"])
    ] = None
    label_kind: _Kind = None
    split: _Split = None
    clips: _Clips = "names"


class EvaluationQuery(_Wanted):
    folder: Annotated[
        str | None,
        Field(
            max_length=500,
            description="one of those that GET /folders lists, in place of files; . is the first of all",
        ),
    ] = None
    hold: bool = Field(
        default=False, description="look at the files, and wait for POST /evaluations/{job_id} before scoring"
    )


class StartQuery(_Wanted):
    pass


@router.post(
    PATH,
    status_code=202,
    summary="Evaluate models on labelled photos",
    form_limits={"max_files": MAX_FILES, "max_fields": 8, "max_part_size": 4096},
    responses=responses(400, 404, 408, 409, 413, 415, 422, 503),
)
async def evaluate(
    request: Request,
    response: Response,
    services: ServicesDep,
    query: Annotated[EvaluationQuery, Query()],
    files: Annotated[
        list[UploadFile] | None,
        File(
            max_length=MAX_FILES,
            description="a zip with photos (JPEG, PNG, WEBP, HEIC, AVIF) and labels (PNG), or the files themselves: "
            "laid out as Cityscapes, CamVid or images/ and labels/, or side by side with names like a.jpg and "
            "a_labels.png; a CSV file beside them slices the scores by its columns",
        ),
    ] = None,
) -> JobAnswer:
    """Pairs photos and labels by their names, and answers with a job, whose path is in `Location`:

        curl -F files=@photos.zip 'http://127.0.0.1:8000/evaluations?model=segformer'
        curl -X POST 'http://127.0.0.1:8000/evaluations?folder=camvid&split=val&model=segformer&other=deeplabv3plus'

    When the job is done, its `files` are result.json with the pooled mIoU and its interval, the IoU of each class,
    the confusion matrix, scores of slices and of every picture, and pictures.csv. A picture that cannot be used is
    listed there under `refused`, with the reason.
    """
    await _check_form(request)
    async with services.workers.admit():
        sent = [(file.filename or "photo", file.file) for file in files or ()]
        if bool(sent) == (query.folder is not None):
            raise Problem(
                400,
                "Send photos and labels, with curl: -F files=@photos.zip; or name one folder that GET "
                "/folders lists, as in ?folder=camvid.",
            )
        told = await _told(services, query, query.folder)
        told = replace(told, options={**told.options, "sent": [name for name, _ in sent]})

        def add() -> Job:
            if query.folder is not None and query.folder not in _folders(services):
                raise Problem(404, f"There is no folder {query.folder[:80]!r}; GET /folders lists them.")
            job = services.jobs.add(sent, owner_of(request), told, hold=True)
            return job if query.hold else services.jobs.start(job, _with_kind(job.told, query.label_kind))

        async with services.workers.turn(request.is_disconnected):
            job = await services.workers.run(add)
    response.headers["Location"] = f"/jobs/{job.id}"
    return job_answer(services, job)


@router.get("/folders", summary="Folders that can be evaluated", responses=responses(503))
async def get_folders(request: Request, services: ServicesDep) -> FoldersAnswer:
    """The data sets below STREETSEG_DATASET_DIR, in a layout that is known; none where it is not set."""
    if services.settings.dataset_dir is None:
        return FoldersAnswer(folders=[])
    async with services.workers.admit(), services.workers.turn(request.is_disconnected):
        return FoldersAnswer(folders=await services.workers.run(_folders, services))


@router.post(
    f"{PATH}/{{job_id}}",
    status_code=202,
    summary="Begin, or evaluate the same photos again",
    responses=responses(400, 404, 409, 422, 503),
)
async def start(
    request: Request, services: ServicesDep, job_id: str, query: Annotated[StartQuery, Query()]
) -> JobAnswer:
    """Scores what was sent with `hold`, or what has been scored before, with the models and the kind of labels that
    are named here. What came of the job before is deleted.
    """
    async with services.workers.admit():
        job = services.jobs.find(job_id, owner_of(request))
        if job.told.kind != "evaluation":
            raise Problem(404, f"The job {job_id[:40]!r} is no evaluation.")
        told = await _told(services, query, job.told.options["folder"])
        options = {**told.options, "sent": job.told.options["sent"]}
        options["split"] = query.split or job.told.options["split"]
        told = _with_kind(replace(told, options=options, facts=job.told.facts), query.label_kind)
        async with services.workers.turn(request.is_disconnected):
            job = await services.workers.run(services.jobs.start, job, told)
    return job_answer(services, job)


async def _told(services: Services, query: _Wanted, folder: str | None) -> Told:
    """The job as it is asked for, without what is found in the files.

    Raises:
        Problem: 404 or 503, no such model; 409, the two cannot be compared, or not with this kind of labels.
    """
    served = [await services.find_model(query.model)]
    if query.other is not None:
        served.append(await services.find_model(query.other))
    taxonomies = [one.predictor.card.taxonomy for one in served]
    if common_of(taxonomies) is None:
        named = " and ".join(taxonomy.id for taxonomy in taxonomies)
        raise Problem(409, f"The models' classes differ ({named}), and neither set groups the other; choose others.")
    _check_kind(query.label_kind, taxonomies)
    options: dict[str, Any] = {
        "folder": folder,
        "split": query.split,
        "label_kind": query.label_kind,
        "clips": query.clips,
        "taxonomies": [taxonomy.model_dump(mode="json") for taxonomy in taxonomies],
    }
    first, *rest = served
    other = None
    if rest:
        other = {"model": rest[0].name, "version": rest[0].version.version, "bundle": _bundle_of(rest[0])}
    return Told(
        first.name, first.version.version, _bundle_of(first), options, {}, _FILES, kind="evaluation", other=other
    )


def _bundle_of(served: Served) -> str:
    return str(served.folder.resolve())


def _check_kind(kind: str | None, taxonomies: list[Taxonomy]) -> None:
    fitting = fitting_kinds((), taxonomies)
    if kind is not None and kind not in fitting:
        raise Problem(409, f"label_kind {kind[:40]!r} does not fit these models; it may be {', '.join(fitting)}.")


def _with_kind(told: Told, kind: str | None) -> Told:
    """With the kind of labels that is named, else the likeliest one."""
    taxonomies = [Taxonomy.model_validate(one) for one in told.options["taxonomies"]]
    chosen = kind or fitting_kinds(told.facts["rated"], taxonomies)[0]
    return replace(told, options={**told.options, "label_kind": chosen})


def _folders(services: Services) -> list[str]:
    root = services.settings.dataset_dir
    if root is None:
        return []
    jobs = services.jobs
    folders: list[str] = jobs.ask("evaluation", jobs.evaluations.folders(root.resolve()))["folders"]
    return folders


async def _check_form(request: Request) -> None:
    """Refuse form fields that nobody reads.

    Raises:
        Problem: 422, names them.
    """
    unknown = sorted({key for key, _ in (await request.form(max_files=MAX_FILES)).multi_items()} - {"files"})
    if unknown:
        names = ", ".join(key[:40] for key in unknown[:5])
        raise Problem(422, f"Unknown form field: {names}; this route reads files.")
