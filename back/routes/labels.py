"""POST /labels: which values a label file holds."""

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile

from back.label_files import label_values
from back.pipeline import check_form
from back.problems import responses
from back.schemas import LabelValuesAnswer
from back.services import ServicesDep

router = APIRouter(tags=["segmentation"])


@router.post(
    "/labels",
    summary="Look into a label file",
    responses=responses(400, 413, 415, 422, 503),
    response_model=LabelValuesAnswer,
)
async def read_values(
    request: Request, services: ServicesDep, label: Annotated[UploadFile, File(description="PNG of class ids")]
) -> LabelValuesAnswer:
    """The values of its pixels, read as /compare reads them: of every bit depth, and with a palette, which may mean
    other ids in the files of another data set. So a client can tell what a file is before it is compared with.

        curl -F label=@labels.png http://127.0.0.1:8000/labels
    """
    await check_form(request, ("label",))
    async with services.workers.admit(), services.workers.turn(request.is_disconnected):
        values = await services.workers.run(lambda: label_values(label.file.read(), services.settings.max_pixels))
    return LabelValuesAnswer(values=values)
