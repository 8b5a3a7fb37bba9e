"""The report's pictures, made of the maps that the page shows, as addresses that hold them (data URIs)."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from front.ui.palette import HATCH_LINE, HATCH_OPACITY

OPACITY = 0.6
_SIDE = 960  # pixels: sharp on a page of paper, and a file that can be sent by mail
_STEP, _LINE = 12, 1  # pixels between the lines of a hatch, and how thick they are
_MARK = (176, 20, 100)  # where models differ, as in the viewer


def photo_uri(photo_jpeg: bytes) -> str:
    return _jpeg(_small(photo_jpeg))


def overlay_uri(photo_jpeg: bytes, map_png: bytes, classes: Sequence[Mapping[str, Any]]) -> str:
    """The photo under the class colours, with the lines of those that look like shadows."""
    photo = _small(photo_jpeg)
    ids_HW = _ids(map_png, photo.size)
    palette = np.zeros((256, 3), np.float32)
    palette[: len(classes)] = [one["color"] for one in classes]
    known_HW1 = (ids_HW < len(classes))[:, :, None]
    pixels_HWC = np.asarray(photo, np.float32)
    blended_HWC = np.where(known_HW1, (1 - OPACITY) * pixels_HWC + OPACITY * palette[ids_HW], pixels_HWC)
    for class_id, one in enumerate(classes):
        if "hatch" in one:
            lines_HW = (ids_HW == class_id) & _hatch(one["hatch"], ids_HW.shape)
            blended_HWC[lines_HW] += HATCH_OPACITY * (np.array(HATCH_LINE) - blended_HWC[lines_HW])
    return _jpeg(Image.fromarray(blended_HWC.round().astype(np.uint8)))


def difference_uri(photo_jpeg: bytes, map_png: bytes) -> str:
    """The photo, bleached, with what a map of differences marks (255)."""
    photo = _small(photo_jpeg)
    marked_HW1 = (_ids(map_png, photo.size) == 255)[:, :, None]
    bleached_HWC = np.asarray(photo, np.float32) * 0.3 + 247 * 0.7
    return _jpeg(Image.fromarray(np.where(marked_HW1, _MARK, bleached_HWC).round().astype(np.uint8)))


def _hatch(hatch: int, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    y, x = np.indices(shape, np.int32)
    rising, falling = (x + y) % _STEP < _LINE, (x - y) % _STEP < _LINE
    return (rising, falling, rising | falling)[hatch]


def _small(photo_jpeg: bytes) -> Image.Image:
    with Image.open(io.BytesIO(photo_jpeg)) as image:
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        return image.convert("RGB")


def _ids(map_png: bytes, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(map_png)) as image:
        return np.asarray(image.resize(size, Image.Resampling.NEAREST))


def _jpeg(image: Image.Image) -> str:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=86)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
