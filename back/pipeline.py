"""From an uploaded photo to an encoded mask, step by step over the workers."""

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from fastapi import Request, UploadFile
from PIL import Image

from back.loading import Served
from back.problems import Problem
from back.runtime.imaging import ImageError, NeededSize, Photo, UInt8Array, count_pixels, open_photo
from back.runtime.masks.colour import cut_out, overlay, palette_of
from back.runtime.masks.hatch import lines_over
from back.runtime.masks.png import encode_gray16_png, encode_gray_png, encode_palette_png, encode_rgb_png
from back.runtime.predictor import Prediction
from back.runtime.upsample import ScoresError
from back.schemas import EncodedImage, PredictionAnswer
from back.services import Services

Output = Literal["mask", "overlay", "classes", "confidence", "cutout"]
_WHOLE_PHOTO: tuple[Output, ...] = ("overlay", "cutout")  # which show its own pixels
# An overlay is made and compressed in strips: whole, a 12-megapixel one would take 120 MB more.
_STRIP_ROWS = 64
_LARGE_BYTES = 64_000_000


@dataclass(frozen=True)
class Upload:
    """A decoded upload and how long decoding took."""

    photo: Photo
    decode_ms: float


@dataclass(frozen=True)
class Segmented:
    """A prediction and its PNG; `timings_ms` has decode, those of the prediction, and encode."""

    served: Served
    prediction: Prediction
    png: bytes
    timings_ms: dict[str, float]


async def decode(
    services: Services, upload: UploadFile, request: Request, models: Sequence[Served], output: Output
) -> Upload:
    """Decode an upload, as large as the models and the output need it.

    Raises:
        Problem: 400, 413 or 415, the upload is no usable photo; 499, its sender is gone.
    """
    if await request.is_disconnected():  # after the wait for its turn: nobody would read the answer
        raise Problem(499, "The client closed the connection.")

    def work() -> Upload:
        start = time.perf_counter()
        photo = open_photo(upload.file.read(), services.settings.max_pixels, _decoding_size(models, output))
        return Upload(photo, (time.perf_counter() - start) * 1e3)

    try:
        decoded = await services.workers.run(work)
    except ImageError as error:
        raise Problem(error.status, str(error)) from error
    if services.telemetry is not None:
        end_ns = time.time_ns()
        services.telemetry.stage("decode", end_ns - int(decoded.decode_ms * 1e6), end_ns)
    return decoded


async def is_large(services: Services, upload: UploadFile, models: Sequence[Served], output: Output) -> bool:
    """Whether a photo will take so much memory that only one of its kind should be worked on at a time."""

    def work() -> bool:
        pixels, decoded = count_pixels(upload.file, _decoding_size(models, output))
        upload.file.seek(0)
        # Pillow holds four bytes a pixel. A label map and what is made of it take two a model at the photo's own
        # size, and one is for what is made of all of them. A confidence map takes two more, and two are for its PNG.
        each = 6 if output == "confidence" else 2
        return 4 * decoded + (each * len(models) + 1) * pixels > _LARGE_BYTES

    return await services.workers.run(work)


def _decoding_size(models: Sequence[Served], output: Output) -> NeededSize | None:
    if output in _WHOLE_PHOTO:
        return None

    def largest_needed(height: int, width: int) -> tuple[int, int]:
        heights, widths = zip(*(served.predictor.needed_size(height, width) for served in models), strict=True)
        return max(heights), max(widths)

    return largest_needed


async def infer(services: Services, served: Served, upload: Upload, *, confidence: bool = False) -> Prediction:
    """Predict one model's view of a photo; with `confidence`, also how sure it is of each pixel.

    Raises:
        Problem: 500, the network answered with NaN or infinity.
    """
    try:
        return await services.workers.run(served.predictor.predict_array, upload.photo, confidence=confidence)
    except ScoresError as error:
        raise Problem(
            500, f"{served.name}/{served.version.version} fails on this photo: {error}; use another model or version."
        ) from error


async def segment(
    services: Services,
    served: Served,
    upload: Upload,
    output: Output,
    opacity: float = 0.5,
    class_ids: Sequence[int] = (),
) -> Segmented:
    """Predict and encode one model's view of a photo; `class_ids` are those of a cut-out.

    Raises:
        Problem: 500, the network answered with NaN or infinity.
    """
    prediction = await infer(services, served, upload, confidence=output == "confidence")
    start, inferred_ns = time.perf_counter(), time.time_ns()
    png = await services.workers.run(encode, upload.photo.image, prediction, output, opacity, class_ids)
    encode_ms = (time.perf_counter() - start) * 1e3
    timings = {"decode": upload.decode_ms, **prediction.timings_ms, "encode": encode_ms}
    services.metrics.observe_stages(served.name, timings)
    if services.telemetry is not None:
        services.telemetry.stages(prediction.timings_ms, inferred_ns, served.name)
        services.telemetry.stage("encode", inferred_ns, inferred_ns + int(encode_ms * 1e6), served.name)
    return Segmented(served, prediction, png, timings)


def encode(
    image: Image.Image, prediction: Prediction, output: Output, opacity: float, class_ids: Sequence[int] = ()
) -> bytes:
    """The PNG of a prediction: mode P for a mask, grey for classes, RGB for an overlay, RGBA for a cut-out, 16-bit
    for confidence.
    """
    labels_HW = prediction.labels_HW
    if output == "confidence" and prediction.confidence_HW is not None:
        return encode_gray16_png(prediction.confidence_HW)
    if output == "classes":
        return encode_gray_png(labels_HW)
    palette = palette_of(prediction.taxonomy)
    if output == "mask":
        return encode_palette_png(labels_HW, palette)
    width, height = image.size
    lines = lines_over(height, width)

    def strips() -> Iterator[UInt8Array]:
        for top in range(0, height, _STRIP_ROWS):
            bottom = min(height, top + _STRIP_ROWS)
            strip_HWC = np.asarray(image.crop((0, top, width, bottom)))
            if output == "cutout":
                yield cut_out(strip_HWC, labels_HW[top:bottom], class_ids)
            else:
                yield overlay(strip_HWC, labels_HW[top:bottom], palette, opacity, first_row=top, lines=lines)

    return encode_rgb_png(height, width, strips(), alpha=output == "cutout")


def make_answer(segmented: Segmented, output: Output, started: float) -> PredictionAnswer:
    """The JSON form of a prediction; `started` is the perf_counter of when the request was read."""
    height, width = segmented.prediction.labels_HW.shape
    total_ms = (time.perf_counter() - started) * 1e3
    return PredictionAnswer(
        model=segmented.served.name,
        version=segmented.served.version.version,
        sha256=segmented.served.predictor.sha256,
        width=width,
        height=height,
        timings_ms={**segmented.timings_ms, "total": total_ms},
        class_shares=segmented.prediction.class_shares(),
        familiarity=segmented.prediction.familiarity,
        unfamiliar=segmented.prediction.unfamiliar,
        image=to_base64(segmented.png, output),
    )


def to_base64(png: bytes, output: Output | Literal["disagreement", "errors", "outcome", "truth"]) -> EncodedImage:
    """A PNG as text."""
    return EncodedImage(output=output, base64=base64.b64encode(png).decode())


async def check_form(request: Request, allowed: tuple[str, ...]) -> None:
    """Refuse form fields that nobody reads, usually spelling mistakes.

    Raises:
        Problem: 422, names the fields.
    """
    fields = [key for key, _ in (await request.form()).multi_items()]
    unknown = sorted({key for key in fields if key not in allowed})
    if unknown:
        names = ", ".join(key[:40] for key in unknown[:5])
        raise Problem(422, f"Unknown form field: {names}; this route reads {' and '.join(allowed)}.")
    if len(fields) != len(set(fields)):
        raise Problem(422, "A form field was sent twice; send one photo a request.")


def name_of(image: UploadFile) -> str:
    """What the photo's file was called, without folders, and of no more than 200 characters."""
    return (image.filename or "photo").replace("\\", "/").rpartition("/")[2][:200] or "photo"
