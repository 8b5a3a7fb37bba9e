"""POST /predict: one photo, one model, one mask."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from back.loading import Served
from back.pipeline import Output, Segmented, check_form, decode, is_large, make_answer, name_of, segment
from back.problems import Problem, responses
from back.routes.queries import PHOTO, Opacity, WantedModel
from back.runtime.masks import tool_files
from back.runtime.predictor import Prediction
from back.runtime.taxonomy import Taxonomy
from back.schemas import PredictionAnswer
from back.services import ServicesDep

router = APIRouter(tags=["segmentation"])

_HEADERS = {
    "X-Model": ("name of the model that answered", "string"),
    "X-Model-Version": ("its version in the registry", "string"),
    "X-Model-SHA256": ("sha256 of its weights file, model.onnx", "string"),
    "X-Familiarity": (
        "how like the model's training streets the photo is: 0 as the mean of streets, negative less so; left out "
        "where the model's card does not say how to tell",
        "number",
    ),
    "X-Unfamiliar": ("true where it is so unlike them that much may be wrong", "boolean"),
    "X-Temperature": ("output=confidence: by which the scores were divided", "number"),
    "X-Calibrated": (
        "output=confidence: false where the model's card holds no temperature, so that 1 was taken",
        "boolean",
    ),
    "Server-Timing": ("milliseconds of decode, resize, infer, argmax, confidence and encode", "string"),
}
_GEOJSON = "application/geo+json"
_OK = {
    "description": "the mask, of the photo's own size, or with `format` a file of another kind",
    "headers": {name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in _HEADERS.items()},
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}, _GEOJSON: {"schema": {}}},
}


class PredictQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: WantedModel = None
    output: Output = Field(
        default="mask",
        description="mask: palette PNG in the classes' colours; classes: 8-bit grey PNG of class ids; "
        "overlay: RGB PNG of the colours over the photo; confidence: 16-bit grey PNG of the probability of each "
        "pixel's class, 0..65535; cutout: RGBA PNG of the photo where it shows `class`, clear elsewhere",
    )
    format: Literal["png", "json", "coco", "polygons", "geojson"] = Field(
        default="png",
        description="json carries the PNG and the class shares; coco (instances, compressed RLE), polygons (Labelme) "
        "and geojson carry the classes for labelling tools, in pixels of the photo",
    )
    opacity: Opacity = 0.5
    classes: str | None = Field(
        default=None,
        alias="class",
        max_length=1000,
        description="output=cutout: names or ids of classes, separated by commas",
        examples=["vehicle"],
    )


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

    A part of the photo, and a file for a labelling tool:

        curl -F image=@photo.jpg 'http://127.0.0.1:8000/predict?output=cutout&class=vehicle' -o vehicles.png
        curl -F image=@photo.jpg 'http://127.0.0.1:8000/predict?format=polygons' -o photo.json

    The response's headers say which model answered and how long each stage took. With `format=json` the same comes
    as JSON, with the share of each class.
    """
    started = time.perf_counter()
    await check_form(request, ("image",))
    output = query.output
    if query.format in _WRITERS:
        if output not in ("mask", "classes"):
            raise Problem(
                400, f"format={query.format} carries the classes, not output={output}; leave one of them out."
            )
        output = "classes"
    async with services.workers.admit():
        served = await services.find_model(query.model)
        wanted = _class_ids(query, served.predictor.card.taxonomy)
        large = await is_large(services, image, [served], output)
        async with services.workers.turn(request.is_disconnected, large):
            upload = await decode(services, image, request, [served], output)
            result = await segment(services, served, upload, output, query.opacity, wanted)
            headers = model_headers(result)
            if query.output == "confidence":
                headers |= calibration_headers(served)
            if query.format == "png":
                return Response(result.png, media_type="image/png", headers=headers)
            if query.format in _WRITERS:
                write, kind = _WRITERS[query.format], _GEOJSON if query.format == "geojson" else "application/json"
                made = await services.workers.run(write, result.prediction, name_of(image))
                return Response(tool_files.as_bytes(made), media_type=kind, headers=headers)
            body = await services.workers.run(lambda: make_answer(result, output, started).model_dump_json().encode())
    return Response(body, media_type="application/json", headers=headers)


def _coco(prediction: Prediction, photo: str) -> dict[str, Any]:
    height, width = prediction.labels_HW.shape
    image = {"file_name": photo, "width": width, "height": height}
    return tool_files.coco([(image, tool_files.coco_annotations(prediction.labels_HW))], prediction.taxonomy)


_WRITERS: Mapping[str, Callable[[Prediction, str], dict[str, Any]]] = {
    "coco": _coco,
    "polygons": lambda prediction, photo: tool_files.labelme(prediction.labels_HW, prediction.taxonomy, photo),
    "geojson": lambda prediction, photo: tool_files.geojson(prediction.labels_HW, prediction.taxonomy, photo),
}


def _class_ids(query: PredictQuery, taxonomy: Taxonomy) -> list[int]:
    """The classes of a cut-out; none for any other output.

    Raises:
        Problem: 400, none are named, or where none are needed; 404, the model has no such class.
    """
    if (query.output == "cutout") != (query.classes is not None):
        raise Problem(400, f"output=cutout and class=NAME go together; the classes are {', '.join(taxonomy.names)}.")
    known = {one.name: one.id for one in taxonomy.classes} | {str(one.id): one.id for one in taxonomy.classes}
    names = [name for part in (query.classes or "").split(",") if (name := part.strip())]
    if query.output == "cutout" and not names:
        raise Problem(400, f"The query parameter 'class' is empty; name some of {', '.join(taxonomy.names)}.")
    for name in names:
        if name not in known:
            raise Problem(404, f"The model has no class {name[:40]!r}; it has {', '.join(taxonomy.names)}.")
    return [known[name] for name in names]


def model_headers(result: Segmented) -> dict[str, str]:
    """Which model answered, whether it knows such photos, and the time of each stage (Server-Timing, a W3C
    recommendation).
    """
    served, prediction = result.served, result.prediction
    headers = {
        "X-Model": served.name,
        "X-Model-Version": served.version.version,
        "X-Model-SHA256": served.predictor.sha256,
        "Server-Timing": ", ".join(f"{stage};dur={ms:.2f}" for stage, ms in result.timings_ms.items()),
    }
    if prediction.familiarity is not None:
        headers["X-Familiarity"] = f"{prediction.familiarity:.2f}"
        headers["X-Unfamiliar"] = "true" if prediction.unfamiliar else "false"
    return headers


def calibration_headers(served: Served) -> dict[str, str]:
    """By which temperature the scores were divided, and whether it was fitted."""
    card = served.predictor.card
    return {
        "X-Temperature": f"{card.temperature:.4g}",
        "X-Calibrated": "false" if card.calibration is None else "true",
    }
