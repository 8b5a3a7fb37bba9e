"""/shared: a photo and what the models say of it, kept for a while under an address that can be passed on."""

import json
import secrets
import time
from typing import Annotated

from fastapi import APIRouter, File, Header, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict

from back.picture_answers import SharedAnswer, SharedLabel, SharedModel
from back.pipeline import check_form, name_of
from back.problems import responses
from back.routes.compare import LABEL, CompareQuery, LabelTaxonomy, WantedModels, compared
from back.routes.jobs import owner_of
from back.routes.queries import PHOTO
from back.schemas import CompareAnswer
from back.services import Services, ServicesDep
from back.shared_photos import About, digest_of

router = APIRouter(tags=["shared photos"])
_STARTS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
_HEIF = {b"avif": "image/avif", b"avis": "image/avif"}
_TYPES = (*_STARTS.values(), "image/heic", "image/avif")
_PHOTO_FILE = {
    "description": "the file as it was sent",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES},
}

_LABEL_FILE = {
    "description": "the file as it was sent",
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
}


class ShareQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: WantedModels = None
    label_taxonomy: LabelTaxonomy = "street8"


@router.post(
    "/shared",
    status_code=201,
    summary="Share a photo by a link",
    responses=responses(400, 404, 408, 413, 415, 422, 503),
)
async def share(
    request: Request,
    response: Response,
    services: ServicesDep,
    query: Annotated[ShareQuery, Query()],
    image: Annotated[UploadFile, File(description=PHOTO)],
    label: Annotated[UploadFile | None, File(description=LABEL)] = None,
) -> SharedAnswer:
    """Keeps the photo and its label file, just as they are sent, and what /compare says of them. Whoever knows the
    id, and has a key where keys are needed, sees all of it; nobody can guess it. `delete_token` is told here alone.

        curl -F image=@photo.jpg 'http://127.0.0.1:8000/shared?models=segformer,deeplabv3plus'
    """
    await check_form(request, ("image", "label"))
    services.shared.check_on()
    wanted = CompareQuery(models=query.models, label_taxonomy=query.label_taxonomy)
    answer = await compared(request, services, wanted, image, label)
    image.file.seek(0)
    token = secrets.token_urlsafe(32)

    def keep() -> SharedAnswer:
        told = json.loads(answer)
        models = [{key: one[key] for key in ("model", "version", "sha256")} for one in told["models"]]
        owner, photo = owner_of(request), image.file.read()
        kind = None if label is None else {"name": name_of(label), "taxonomy": query.label_taxonomy}
        about = About(
            name_of(image), told["width"], told["height"], models, time.time(), owner, digest_of(token), kind
        )
        return shared_answer(services, services.shared.add(about, photo, answer, _bytes_of(label)), about, token)

    kept = await services.workers.run(keep)
    response.headers["Location"] = f"/shared/{kept.id}"
    return kept


@router.get("/shared/{share_id}", summary="What is known of a shared photo", responses=responses(404, 422))
def get_shared(services: ServicesDep, share_id: str) -> SharedAnswer:
    """Its name and size, the models asked, and until when it is kept."""
    return shared_answer(services, share_id, services.shared.find(share_id), None)


@router.get(
    "/shared/{share_id}/photo",
    summary="A shared photo",
    response_class=Response,
    responses={200: _PHOTO_FILE, **responses(404, 422)},
)
def get_photo(services: ServicesDep, share_id: str) -> Response:
    """The file, byte for byte, with whatever the camera wrote into it."""
    photo = services.shared.photo(share_id)
    known = next((kind for start, kind in _STARTS.items() if photo.startswith(start)), None)
    return Response(photo, media_type=known or _HEIF.get(photo[8:12], "image/heic"))


@router.get(
    "/shared/{share_id}/label",
    summary="The label of a shared photo",
    response_class=Response,
    responses={200: _LABEL_FILE, **responses(404, 422)},
)
def get_label(services: ServicesDep, share_id: str) -> Response:
    """The label file, byte for byte; what its values are, `label` of the photo's answer says."""
    return Response(services.shared.label(share_id), media_type="image/png")


@router.get(
    "/shared/{share_id}/comparison",
    summary="What the models said of a shared photo",
    response_model=CompareAnswer,
    responses=responses(404, 422),
)
def get_comparison(services: ServicesDep, share_id: str) -> Response:
    """The answer of /compare when it was shared, whatever the models have become since."""
    return Response(services.shared.comparison(share_id), media_type="application/json")


@router.delete(
    "/shared/{share_id}", status_code=204, summary="Delete a shared photo", responses=responses(403, 404, 422)
)
def delete_shared(
    request: Request,
    services: ServicesDep,
    share_id: str,
    x_delete_token: Annotated[str | None, Header(max_length=200, description="`delete_token`")] = None,
) -> None:
    """For who made it: with the token that it was answered with, or the key that it was sent with."""
    services.shared.delete(share_id, owner_of(request), x_delete_token)


def shared_answer(services: Services, name: str, about: About, token: str | None) -> SharedAnswer:
    """What is told of a shared photo; `token` to who has just made it."""
    return SharedAnswer(
        id=name,
        name=about.name,
        width=about.width,
        height=about.height,
        models=[SharedModel(**one) for one in about.models],
        photo=f"/shared/{name}/photo",
        comparison=f"/shared/{name}/comparison",
        label=None if about.label is None else SharedLabel(**about.label, file=f"/shared/{name}/label"),
        created=about.created,
        kept_until=services.shared.kept_until(about),
        delete_token=token,
    )


def _bytes_of(file: UploadFile | None) -> bytes | None:
    if file is None:
        return None
    file.file.seek(0)
    return file.file.read()
