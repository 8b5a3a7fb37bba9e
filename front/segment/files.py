"""Files as the API makes them: asked for once, and of the very version whose result is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import streamlit as st

from front.api.client import ApiClient
from front.api.comparison import Segmentation
from front.api.predictions import PredictionCache
from front.photos.album import Photo
from front.ui.file_names import legal_name

Output = Literal["mask", "overlay", "cutout", "classes", "confidence", "coco", "polygons", "geojson"]
# Apart from the predictions' cache: one overlay is as large as a hundred class maps and would drive them out.
CACHE_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name for people, what it is, and the ending of its name."""

    title: str
    help: str
    ending: str = "png"
    media_type: str = "image/png"


KINDS: Mapping[Output, Kind] = {
    "mask": Kind("mask", "Palette PNG in the classes' colours, in the photo's own size, as the API sends it."),
    "overlay": Kind("overlay", "The photo in its own size under the class colours."),
    "cutout": Kind("cut-out", "PNG of the photo where it shows the class; the rest is transparent."),
    "classes": Kind("class ids", "8-bit grey PNG: each pixel the id of its class."),
    "confidence": Kind("confidence", "16-bit grey PNG: how sure the model is of each pixel, 65535 for certain."),
    "coco": Kind("COCO", "COCO instances with compressed run lengths, exact.", "coco.json", "application/json"),
    "polygons": Kind("polygons", "Labelme's JSON: an outline of each region.", "labelme.json", "application/json"),
    "geojson": Kind("GeoJSON", "A MultiPolygon a class, in pixels.", "geojson", "application/geo+json"),
}
_TOOLS = ("coco", "polygons", "geojson")


@st.cache_resource(show_spinner=False)
def file_cache() -> PredictionCache:
    return PredictionCache(CACHE_BYTES)


def file_name(photo: Photo, model: str, output: Output, class_name: str | None = None) -> str:
    """What the browser saves a file as; `class_name` is that of a cut-out."""
    what = output if class_name is None else f"{output}_{legal_name(class_name)}"
    behind = "" if output in _TOOLS else f"_{what}"
    return f"{legal_name(photo.stem)}_{legal_name(model)}{behind}.{KINDS[output].ending}"


def fetch(
    client: ApiClient,
    cache: PredictionCache,
    photo: Photo,
    shown: Segmentation,
    output: Output,
    opacity: float,
    class_name: str | None = None,
) -> bytes:
    """The API's own file in the photo's size; `opacity` matters to overlays alone, `class_name` to cut-outs.

    Raises:
        ApiError: the call brought no result.
    """
    options = {"overlay": (output, opacity), "cutout": (output, class_name)}.get(output, (output,))
    if output in _TOOLS:  # they name the photo
        options = (output, photo.name)
    key = ("file", photo.sha, shown.model, shown.version, shown.sha256, *options)
    data: bytes | None = cache.get(key)
    if data is None:
        model = f"{shown.model}/{shown.version}"  # by now the name alone may mean a newer version
        if output in _TOOLS:
            form = cast(Literal["coco", "polygons", "geojson"], output)
            data = client.predict_file(photo.data, photo.name, model=model, form=form)
        else:
            picture = cast(Literal["mask", "overlay", "classes", "confidence", "cutout"], output)
            named = class_name if output == "cutout" else None
            data = client.predict_png(photo.data, model=model, output=picture, opacity=opacity, class_name=named)
        cache.put(key, data)
    return data
