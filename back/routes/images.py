"""GET /images: a small picture of an image that a model was evaluated on, where the data set lies beside the API."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from back.evaluated_images import SIDE, evaluated_images, find_picture, thumbnail
from back.problems import Problem, responses
from back.runtime.imaging import ImageError
from back.services import ServicesDep

router = APIRouter(tags=["models"])
_OK = {
    "description": f"JPEG, at most {SIDE} pixels a side",
    "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
}


class ImageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=300, description="whose report names the image", examples=["segformer"])
    name: str = Field(max_length=300, description="as the report names it", examples=["0016E5_07959"])


@router.get(
    "/images",
    summary="A picture of an evaluated image",
    response_class=Response,
    responses={200: _OK, **responses(404, 422, 503)},
)
async def get_image(request: Request, services: ServicesDep, query: Annotated[ImageQuery, Query()]) -> Response:
    """Only of images that the model's report lists, and only where STREETSEG_DATASET_DIR names the data set."""
    root, max_pixels = services.settings.dataset_dir, services.settings.max_pixels
    if root is None:
        raise Problem(404, "This API shows no pictures; STREETSEG_DATASET_DIR names no data set.")
    # A picture waits its turn like a large photo: a page full of them must crowd out neither predictions nor memory.
    async with services.workers.admit():
        served = await services.find_model(query.model)
        split, names = evaluated_images(served.report)
        if query.name not in names:
            raise Problem(404, f"The report of {served.name} lists no image {query.name[:80]!r}.")

        def work() -> bytes | None:
            path = find_picture(root, split, query.name)
            return None if path is None else thumbnail(path, max_pixels)

        async with services.workers.turn(request.is_disconnected, large=True):
            try:
                jpeg = await services.workers.run(work)
            except PermissionError as error:
                raise Problem(404, f"The API may not read the picture of {query.name[:80]!r}.") from error
            except (ImageError, OSError) as error:
                reason = f"The picture of {query.name[:80]!r} cannot be read: it is damaged or too large."
                raise Problem(404, reason) from error
    if jpeg is None:
        raise Problem(404, f"STREETSEG_DATASET_DIR holds no picture {query.name[:80]!r} of the split {split[:80]!r}.")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})
