"""POST /videos: label a clip in the background; see `back.routes.jobs` for what becomes of it."""

from typing import Annotated, Literal

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from back.job_answers import JobAnswer
from back.jobs.table import Told
from back.pipeline import check_form
from back.problems import responses
from back.routes.jobs import job_answer, owner_of
from back.routes.queries import Opacity, WantedModel
from back.services import ServicesDep

router = APIRouter(tags=["clips"])
PATH = "/videos"
_CLASSES = {"zip": "classes.zip", "video": "classes.mkv"}


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
        sent = [("clip", clip.file)]
        async with services.workers.turn(request.is_disconnected):
            job = await services.workers.run(services.jobs.add, sent, owner_of(request), told)
    response.headers["Location"] = f"/jobs/{job.id}"
    return job_answer(services, job)
