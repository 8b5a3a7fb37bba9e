"""POST /predict: one photo, one model, one mask."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from back.loading import Served
from back.pipeline import Output, Segmented, check_form, decode, is_large, make_answer, segment
from back.problems import responses
from back.routes.queries import PHOTO, Opacity, WantedModel
from back.schemas import PredictionAnswer
from back.services import ServicesDep

router = APIRouter(tags=["segmentation"])

_HEADERS = {
    "X-Model": ("name of the model that answered", "string"),
    "X-Model-Version": ("its version in the registry", "string"),
    "X-Model-SHA256": ("sha256 of its weights file, model.onnx", "string"),
    "X-Temperature": ("output=confidence: by which the scores were divided", "number"),
    "X-Calibrated": (
        "output=confidence: false where the model's card holds no temperature, so that 1 was taken",
        "boolean",
    ),
    "Server-Timing": ("milliseconds of decode, resize, infer, argmax, confidence and encode", "string"),
}
_OK = {
    "description": "the mask, of the photo's own size",
    "headers": {name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in _HEADERS.items()},
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
}


class PredictQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: WantedModel = None
    output: Output = Field(
        default="mask",
        description="mask: palette PNG in the classes' colours; classes: 8-bit grey PNG of class ids; "
        "overlay: RGB PNG of the colours over the photo; confidence: 16-bit grey PNG of the probability of each "
        "pixel's class, 0..65535",
    )
    format: Literal["png", "json"] = Field(default="png", description="json carries the PNG and the class shares")
    opacity: Opacity = 0.5


@router.post(
    "/predict",
    summary="Segment one photo",
    response_model=PredictionAnswer,
    responses={200: _OK, **responses(400, 404, 408, 413, 415, 422, 503)},
)
async def predict(
    request: Request,
    services: ServicesDep,
    query: Annotated[PredictQuery, Query()],
    image: Annotated[UploadFile, File(description=PHOTO)],
) -> Response:
    """Answers with a PNG of the photo's own size.

        curl -F image=@photo.jpg 'http://127.0.0.1:8000/predict?model=segformer' -o mask.png

    With `output=confidence` the PNG says how sure the model is of each pixel's class: 16-bit grey, 65535 for a
    probability of 1. `X-Temperature` is what the scores were divided by; `X-Calibrated: false` means that none was
    fitted for this model, so that it may be surer than it should be. What it was fitted on is in `/models`.

    The response's headers say which model answered and how long each stage took. With `format=json` the same comes
    as JSON, with the share of each class.
    """
    started = time.perf_counter()
    await check_form(request, ("image",))
    async with services.workers.admit():
        served = await services.find_model(query.model)
        large = await is_large(services, image, [served], query.output)
        async with services.workers.turn(request.is_disconnected, large):
            upload = await decode(services, image, request, [served], query.output)
            result = await segment(services, served, upload, query.output, query.opacity)
            headers = model_headers(result)
            if query.output == "confidence":
                headers |= calibration_headers(served)
            if query.format == "png":
                return Response(result.png, media_type="image/png", headers=headers)
            body = await services.workers.run(
                lambda: make_answer(result, query.output, started).model_dump_json().encode()
            )
    return Response(body, media_type="application/json", headers=headers)


def model_headers(result: Segmented) -> dict[str, str]:
    """Which model answered, and the time of each stage (Server-Timing, a W3C recommendation)."""
    served = result.served
    return {
        "X-Model": served.name,
        "X-Model-Version": served.version.version,
        "X-Model-SHA256": served.predictor.sha256,
        "Server-Timing": ", ".join(f"{stage};dur={ms:.2f}" for stage, ms in result.timings_ms.items()),
    }


def calibration_headers(served: Served) -> dict[str, str]:
    """By which temperature the scores were divided, and whether it was fitted."""
    card = served.predictor.card
    return {
        "X-Temperature": f"{card.temperature:.4g}",
        "X-Calibrated": "false" if card.calibration is None else "true",
    }
