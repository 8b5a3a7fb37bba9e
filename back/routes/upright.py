"""POST /upright: the photo as the models see it, in a format that every browser shows."""

import io
from typing import Annotated

from fastapi import APIRouter, File, Request, Response, UploadFile

from back.pipeline import check_form, decode, is_large
from back.problems import responses
from back.routes.queries import PHOTO
from back.services import ServicesDep

router = APIRouter(tags=["segmentation"])
_OK = {
    "description": "JPEG of the photo's own size, upright",
    "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
}


@router.post(
    "/upright",
    summary="A photo as the models see it",
    response_class=Response,
    responses={200: _OK, **responses(400, 408, 413, 415, 422, 503)},
)
async def upright(
    request: Request, services: ServicesDep, image: Annotated[UploadFile, File(description=PHOTO)]
) -> Response:
    """For programs that show a photo beside its mask and cannot read HEIC or AVIF themselves.

        curl -F image=@photo.heic http://127.0.0.1:8000/upright -o photo.jpg

    Turned by its orientation, without transparency and colour profiles. Needs no model.
    """
    await check_form(request, ("image",))
    async with services.workers.admit():
        large = await is_large(services, image, [], "overlay")
        async with services.workers.turn(request.is_disconnected, large):
            photo = (await decode(services, image, request, [], "overlay")).photo

            def encode() -> bytes:
                out = io.BytesIO()
                photo.image.save(out, "JPEG", quality=92)
                return out.getvalue()

            return Response(await services.workers.run(encode), media_type="image/jpeg")
