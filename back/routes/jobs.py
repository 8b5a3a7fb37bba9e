"""/jobs/{id}: how far a job is, its results, and its end, whatever kind it is of."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from back.job_answers import ClipFacts, EvaluationFacts, JobAnswer
from back.jobs.clips import CLIP_FILE
from back.jobs.table import Job
from back.problems import Problem, responses
from back.runtime.evaluation.limits import is_picture_file
from back.runtime.labels.guess import fitting_kinds
from back.runtime.taxonomy import Taxonomy
from back.runtime.video.limits import GROWING_FILE, PREVIEW_FILE, container_of
from back.services import Services, ServicesDep

router = APIRouter(tags=["jobs"])
_TYPES = {"mp4": "video/mp4", "zip": "application/zip", "mkv": "video/x-matroska", "csv": "text/csv",
          "jpg": "image/jpeg", "png": "image/png", "json": "application/json", "webm": "video/webm"}  # fmt: skip
_FILE = {
    "description": "the file; parts of it can be asked for (Range)",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES.values()},
}


@router.get("/jobs/{job_id}", summary="How far a job is", responses=responses(404, 422))
def get_job(request: Request, services: ServicesDep, job_id: str) -> JobAnswer:
    """Only whoever made a job can see it: it takes the same key."""
    return job_answer(services, services.jobs.find(job_id, owner_of(request)))


@router.delete(
    "/jobs/{job_id}", status_code=204, summary="Cancel a job, delete its files", responses=responses(404, 422)
)
def delete_job(request: Request, services: ServicesDep, job_id: str) -> None:
    """Ends the job where it is not done, and deletes what was sent and all results."""
    services.jobs.delete(job_id, owner_of(request))


@router.get(
    "/jobs/{job_id}/{file}",
    summary="A result",
    response_class=FileResponse,
    responses={200: _FILE, **responses(404, 422)},
)
def get_job_file(request: Request, services: ServicesDep, job_id: str, file: str) -> FileResponse:
    """A file that the job's `files` names. Of an evaluation also a picture by its number: 000007-photo.jpg,
    000007-thumb.jpg, 000007-truth.png, 000007-a.png and of a second model 000007-b.png, at most 1600 pixels a side.
    """
    job = services.jobs.find(job_id, owner_of(request))
    ready = _files(services, job)
    path = services.jobs.path_of(job, file) if _is_picture(job, file) else None
    if f"/jobs/{job.id}/{file}" in ready.values():
        path = services.jobs.path_of(job, file)
    if path is None or not path.is_file():
        there = ", ".join(path.rsplit("/", 1)[1] for path in ready.values()) or "none yet"
        raise Problem(404, f"The job has no file {file[:40]!r}; it is {job.state}, its files are: {there}.")
    return FileResponse(path, media_type=_clip_type(path) if file == CLIP_FILE else _TYPES[file.rsplit(".", 1)[1]])


def owner_of(request: Request) -> str | None:
    """The name of the key that a request came with."""
    owner: str | None = request.scope.get("state", {}).get("key")
    return owner


def job_answer(services: Services, job: Job) -> JobAnswer:
    """What is told of a job."""
    told, jobs = job.told, services.jobs
    now = jobs.progress_of(job) if job.state == "running" else {}
    share, rate = None, now.get("images_per_s") or None
    if job.state == "done":
        share = 1.0
    elif now.get("of"):
        share = min(1.0, now["decoded"] / now["of"])
    elif told.kind == "evaluation" or told.facts["frames"]:
        share = 0.0
    left = None if not now.get("of") or rate is None else max(0.0, now["of"] - now["decoded"])
    return JobAnswer(
        id=job.id,
        kind=told.kind,
        state=job.state,
        model=told.model,
        version=told.version,
        other=None if told.other is None else told.other["model"],
        clip=ClipFacts(**told.facts) if told.kind == "clip" else None,
        evaluation=_evaluation_facts(services, job) if told.kind == "evaluation" else None,
        ahead=jobs.ahead_of(job) if job.state == "queued" else 0,
        frames=told.frames or now.get("frames", 0),
        progress=share,
        images_per_s=rate,
        seconds_left=None if left is None or rate is None else left / told.options.get("every", 1) / rate,
        error=told.error,
        notes=list(told.notes),
        files=_files(services, job),
        created=job.created,
        kept_until=None if job.ended is None else job.ended + services.settings.keep_hours * 3600,
    )


def _evaluation_facts(services: Services, job: Job) -> EvaluationFacts:
    told = job.told
    taxonomies = [Taxonomy.model_validate(one) for one in told.options["taxonomies"]]
    return EvaluationFacts(
        **{key: told.facts[key] for key in EvaluationFacts.model_fields if key in told.facts},
        folder=told.options["folder"],
        label_kind=told.options["label_kind"],
        label_kinds=fitting_kinds(told.facts["rated"], taxonomies),
        clips=told.options["clips"],
    )


def _is_picture(job: Job, file: str) -> bool:
    return job.told.kind == "evaluation" and job.state == "done" and is_picture_file(file)


def _files(services: Services, job: Job) -> dict[str, str]:
    """Paths of the files that can be had now."""
    files = dict(job.told.files) if job.state == "done" else {}
    kept = [(PREVIEW_FILE, "preview"), (CLIP_FILE, "clip")]
    if job.state == "running":
        kept.append((GROWING_FILE, "growing"))
    for name, kind in kept:
        if job.told.kind == "clip" and services.jobs.path_of(job, name).is_file():
            files[kind] = name
    return {kind: f"/jobs/{job.id}/{name}" for kind, name in files.items()}


def _clip_type(path: Path) -> str:
    """What a player takes a clip for: the demuxers' names are not the browsers'."""
    with path.open("rb") as file:
        return _TYPES["mp4" if container_of(file.read(16)) == "mov" else "webm"]
