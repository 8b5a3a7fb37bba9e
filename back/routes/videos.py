"""POST /videos: label a clip in the background; /jobs/{id}: how far it is, its results, and its end."""

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from back.jobs.folder import CLIP_FILE
from back.jobs.table import Job, Told
from back.pipeline import check_form
from back.problems import Problem, responses
from back.routes.queries import Opacity, WantedModel
from back.runtime.video.limits import PREVIEW_FILE, container_of
from back.schemas import ClipFacts, JobAnswer
from back.services import Services, ServicesDep

router = APIRouter(tags=["clips"])
PATH = "/videos"
_TYPES = {"mp4": "video/mp4", "zip": "application/zip", "mkv": "video/x-matroska", "csv": "text/csv",
          "jpg": "image/jpeg", "webm": "video/webm"}  # fmt: skip
_CLASSES = {"zip": "classes.zip", "video": "classes.mkv"}
_FILE = {
    "description": "the file; parts of it can be asked for (Range)",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES.values()},
}


class VideoQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: WantedModel = None
    every: int = Field(default=1, ge=1, le=10_000, description="take every Nth frame; the others are left out")
    smooth: bool = Field(default=False, description="hold scores over time where the picture hardly changes")
    opacity: Opacity = 0.5
    classes: Literal["zip", "video", "none"] = Field(
        default="zip", description="class ids of every frame: PNG files in a zip, or a video without loss (FFV1)"
    )


@router.post(PATH, status_code=202, summary="Label a clip", responses=responses(400, 404, 408, 413, 415, 422, 503))
async def label_video(
    request: Request,
    response: Response,
    services: ServicesDep,
    query: Annotated[VideoQuery, Query()],
    clip: Annotated[UploadFile, File(description="MP4, MOV, WEBM or MKV; H.264, HEVC, VP8, VP9 or AV1")],
) -> JobAnswer:
    """Queues the clip and answers at once with a job, whose path is in `Location`:

        curl -F clip=@clip.mp4 'http://127.0.0.1:8000/videos?model=segformer'

    When the job is done, its `files` are an MP4 of the colours over the clip with its sound, the class ids of every
    frame, and a CSV of class shares over time. Every frame gets what /predict would give for it.
    """
    await check_form(request, ("clip",))
    async with services.workers.admit():
        served = await services.find_model(query.model)
        files = {"overlay": "overlay.mp4", "shares": "shares.csv"}
        if query.classes != "none":
            files["classes"] = _CLASSES[query.classes]
        options = {"every": query.every, "smooth": query.smooth, "opacity": query.opacity}
        told = Told(served.name, served.version.version, str(served.folder.resolve()), options, {}, files)
        async with services.workers.turn(request.is_disconnected):
            job = await services.workers.run(services.jobs.add, clip.file, _owner(request), told)
    response.headers["Location"] = f"/jobs/{job.id}"
    return _answer(services, job)


@router.get("/jobs/{job_id}", summary="How far a job is", responses=responses(404, 422))
def get_job(request: Request, services: ServicesDep, job_id: str) -> JobAnswer:
    """Only whoever made a job can see it: it takes the same key."""
    return _answer(services, services.jobs.find(job_id, _owner(request)))


@router.delete(
    "/jobs/{job_id}", status_code=204, summary="Cancel a job, delete its files", responses=responses(404, 422)
)
def delete_job(request: Request, services: ServicesDep, job_id: str) -> None:
    """Ends the job where it is not done, and deletes the clip and all results."""
    services.jobs.delete(job_id, _owner(request))


@router.get(
    "/jobs/{job_id}/{file}",
    summary="A result",
    response_class=FileResponse,
    responses={200: _FILE, **responses(404, 422)},
)
def get_job_file(request: Request, services: ServicesDep, job_id: str, file: str) -> FileResponse:
    """A file that the job's `files` names."""
    job = services.jobs.find(job_id, _owner(request))
    ready = _files(services, job)
    if f"/jobs/{job.id}/{file}" not in ready.values():
        there = ", ".join(path.rsplit("/", 1)[1] for path in ready.values()) or "none yet"
        raise Problem(404, f"The job has no file {file[:40]!r}; it is {job.state}, its files are: {there}.")
    path = services.jobs.path_of(job, file)
    return FileResponse(path, media_type=_clip_type(path) if file == CLIP_FILE else _TYPES[file.rsplit(".", 1)[1]])


def _clip_type(path: Path) -> str:
    """What a player takes a clip for: the demuxers' names are not the browsers'."""
    with path.open("rb") as file:
        return _TYPES["mp4" if container_of(file.read(16)) == "mov" else "webm"]


def _owner(request: Request) -> str | None:
    """The name of the key that a request came with."""
    owner: str | None = request.scope.get("state", {}).get("key")
    return owner


def _files(services: Services, job: Job) -> dict[str, str]:
    """Paths of the files that can be had now."""
    files = dict(job.told.files) if job.state == "done" else {}
    if services.jobs.path_of(job, PREVIEW_FILE).is_file():
        files["preview"] = PREVIEW_FILE
    if services.jobs.path_of(job, CLIP_FILE).is_file():
        files["clip"] = CLIP_FILE
    return {kind: f"/jobs/{job.id}/{name}" for kind, name in files.items()}


def _answer(services: Services, job: Job) -> JobAnswer:
    told, jobs = job.told, services.jobs
    now = jobs.progress_of(job) if job.state == "running" else {}
    share, rate = None, now.get("images_per_s") or None
    if job.state == "done":
        share = 1.0
    elif now.get("of"):
        share = min(1.0, now["decoded"] / now["of"])
    elif told.clip["frames"]:
        share = 0.0
    left = None if not now.get("of") or rate is None else max(0.0, now["of"] - now["decoded"])
    return JobAnswer(
        id=job.id,
        state=job.state,
        model=told.model,
        version=told.version,
        clip=ClipFacts(**told.clip),
        ahead=jobs.ahead_of(job) if job.state == "queued" else 0,
        frames=told.frames or now.get("frames", 0),
        progress=share,
        images_per_s=rate,
        seconds_left=None if left is None or rate is None else left / told.options["every"] / rate,
        error=told.error,
        notes=list(told.notes),
        files=_files(services, job),
        created=job.created,
        kept_until=None if job.ended is None else job.ended + services.settings.keep_hours * 3600,
    )
