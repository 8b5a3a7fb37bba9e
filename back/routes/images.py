"""GET /images: pictures of the images that a model was evaluated on, where the data set lies beside the API."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from back.evaluated_images import (
    SIDE,
    EvaluatedPair,
    evaluated_images,
    find_pair,
    find_picture,
    read_truth,
    thumbnail,
)
from back.loading import Served
from back.picture_answers import EvaluatedImageAnswer
from back.pipeline import Upload, infer
from back.problems import Problem, responses
from back.runtime.errors import UserError
from back.runtime.evaluation.limits import SHOWN_SIDE
from back.runtime.evaluation.shown import shown_map, shown_photo
from back.runtime.imaging import ImageError, Photo, open_photo
from back.runtime.labels.read import LabelFileError
from back.runtime.predictor import Prediction
from back.services import Services, ServicesDep

T = TypeVar("T")

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
    root, max_pixels = _data_set(services), services.settings.max_pixels
    # A picture waits its turn like a large photo: a page full of them must crowd out neither predictions nor memory.
    async with services.workers.admit():
        _, split = await _listed(services, query)

        def work() -> bytes | None:
            path = find_picture(root, split, query.name)
            return None if path is None else thumbnail(path, max_pixels)

        async with services.workers.turn(request.is_disconnected, large=True):
            jpeg = await _read(services, query.name, split, work)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.get(
    "/images/layers", summary="An evaluated image with truth and prediction", responses=responses(404, 422, 503)
)
async def get_layers(
    request: Request, services: ServicesDep, query: Annotated[ImageQuery, Query()]
) -> EvaluatedImageAnswer:
    """The photo, its label in the model's classes, and what the model says of it now, all three of one size. As
    /images: only of what the model's report lists, where STREETSEG_DATASET_DIR names the data set.
    """
    root, max_pixels = _data_set(services), services.settings.max_pixels
    async with services.workers.admit():
        served, split = await _listed(services, query)

        def work() -> tuple[EvaluatedPair, Photo] | None:
            pair = find_pair(root, split, query.name)
            return None if pair is None else (pair, open_photo(pair.picture.read_bytes(), max_pixels))

        async with services.workers.turn(request.is_disconnected, large=True):
            pair, photo = await _read(services, query.name, split, work)
            prediction = await infer(services, served, Upload(photo, 0.0))
            return await services.workers.run(_layers, query.name, pair, photo, prediction)


def _layers(name: str, pair: EvaluatedPair, photo: Photo, prediction: Prediction) -> EvaluatedImageAnswer:
    truth_HW, note = None, None
    try:
        truth_HW = read_truth(pair, photo, prediction.taxonomy)
    except LabelFileError as error:
        note = f"the label cannot be read: {error.detail}"
    except (ImageError, OSError):
        note = "the label cannot be read: it is damaged or too large"
    except UserError as error:
        note = str(error)
    wrong = None
    if truth_HW is not None:
        labelled_HW = truth_HW != prediction.taxonomy.ignore_index
        wrong = float((truth_HW != prediction.labels_HW)[labelled_HW].mean()) if labelled_HW.any() else None
    return EvaluatedImageAnswer(
        name=name,
        width=photo.width,
        height=photo.height,
        photo=_text(shown_photo(photo.image, SHOWN_SIDE)),
        truth=None if truth_HW is None else _text(shown_map(truth_HW, SHOWN_SIDE)),
        prediction=_text(shown_map(prediction.labels_HW, SHOWN_SIDE)),
        error_share=wrong,
        note=note,
    )


def _data_set(services: Services) -> Path:
    root = services.settings.dataset_dir
    if root is None:
        raise Problem(404, "This API shows no pictures; STREETSEG_DATASET_DIR names no data set.")
    return root


async def _listed(services: Services, query: ImageQuery) -> tuple[Served, str]:
    """The model, and the split in which its report lists the image.

    Raises:
        Problem: 404, there is no such model, or its report does not list it.
    """
    served = await services.find_model(query.model)
    split, names = evaluated_images(served.report)
    if query.name not in names:
        raise Problem(404, f"The report of {served.name} lists no image {query.name[:80]!r}.")
    return served, split


async def _read(services: Services, name: str, split: str, work: Callable[[], T | None]) -> T:
    """What is read of an image's files.

    Raises:
        Problem: 404, it is not there or cannot be read.
    """
    try:
        found = await services.workers.run(work)
    except PermissionError as error:
        raise Problem(404, f"The API may not read the picture of {name[:80]!r}.") from error
    except (ImageError, OSError) as error:
        reason = f"The picture of {name[:80]!r} cannot be read: it is damaged or too large."
        raise Problem(404, reason) from error
    if found is None:
        raise Problem(404, f"STREETSEG_DATASET_DIR holds no picture {name[:80]!r} of the split {split[:80]!r}.")
    return found


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
