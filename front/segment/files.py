"""Mask and overlay files as the API makes them: asked for once, and of the very version whose result is shown."""

from typing import Literal

import streamlit as st

from front.api.client import ApiClient
from front.api.comparison import Segmentation
from front.api.predictions import PredictionCache
from front.photos.album import Photo
from front.ui.file_names import legal_name

Output = Literal["mask", "overlay"]
# Apart from the predictions' cache: one overlay is as large as a hundred class maps and would drive them out.
CACHE_BYTES = 32 * 2**20


@st.cache_resource(show_spinner=False)
def file_cache() -> PredictionCache:
    return PredictionCache(CACHE_BYTES)


def file_name(photo: Photo, model: str, output: Output) -> str:
    """What the browser saves a file as."""
    return f"{legal_name(photo.stem)}_{legal_name(model)}_{output}.png"


def fetch(
    client: ApiClient, cache: PredictionCache, photo: Photo, shown: Segmentation, output: Output, opacity: float
) -> bytes:
    """The API's own PNG in the photo's size; `opacity` matters to overlays alone.

    Raises:
        ApiError: the call brought no result.
    """
    options = (output, opacity) if output == "overlay" else (output,)
    key = ("file", photo.sha, shown.model, shown.version, shown.sha256, *options)
    png: bytes | None = cache.get(key)
    if png is None:
        model = f"{shown.model}/{shown.version}"  # by now the name alone may mean a newer version
        if output == "overlay":
            png = client.predict_png(photo.data, model=model, output=output, opacity=opacity)
        else:
            png = client.predict_png(photo.data, model=model, output=output)
        cache.put(key, png)
    return png
