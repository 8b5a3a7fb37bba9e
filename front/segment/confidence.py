"""How sure the models are of a photo's classes: asked of the API only while somebody looks at it."""

from collections.abc import Sequence

import streamlit as st

from front.api.client import ApiClient, Json
from front.api.comparison import Segmentation
from front.api.predictions import PredictionCache
from front.photos.album import Photo
from front.photos.picture import display_size, shrink_confidence
from front.ui.names import dataset_name, display_name
from front.viewer.canvas import Sureness

_WANTED = "confidence_wanted"
_DEFAULT_BELOW = 0.5


def wanted() -> bool:
    """Whether the reader looks at how sure the models are."""
    return bool(st.session_state.get(_WANTED, False))


def _note(looks: bool) -> None:
    st.session_state[_WANTED] = looks


def confidences(
    client: ApiClient, cache: PredictionCache, photo: Photo, answers: dict[str, Segmentation]
) -> dict[str, bytes]:
    """The confidence of each answer for the viewer, by model; without `wanted` those alone that are there already.

    Raises:
        ApiError: a call brought no result.
    """
    found: dict[str, bytes] = {}
    for name, answer in answers.items():
        key = ("confidence", photo.sha, answer.model, answer.version, answer.sha256)
        png: bytes | None = cache.get(key)
        if png is None and wanted():
            # By now the name alone may mean a newer version than the one whose classes are shown.
            full = client.predict_png(photo.data, model=f"{answer.model}/{answer.version}", output="confidence")
            png = shrink_confidence(full, display_size(answer.width, answer.height))
            cache.put(key, png)
        if png is not None:
            found[name] = png
    return found


def sureness_of(entries: Sequence[Json]) -> Sureness:
    """The threshold and the sentences for some models, as `/models` lists them."""
    fitted = {entry["name"]: entry["calibration"] for entry in entries if entry.get("calibration")}
    below = sum(one["unsure_below"] for one in fitted.values()) / len(fitted) if fitted else _DEFAULT_BELOW
    key = ["The darker, the less sure the model is of its class; striped where it is below the threshold."]
    if fitted:
        places = " and ".join(
            dict.fromkeys(f"{dataset_name(one['dataset'])} {one['split']}" for one in fitted.values())
        )
        key.append(
            f"At {100 * below:.0f} %, where the slider begins, half of the wrong pixels of {places} are striped; "
            "there, of pixels with 80 % about 80 in 100 are right. On other streets fewer may be."
        )
    if others := [display_name(entry["name"]) for entry in entries if entry["name"] not in fitted]:
        key.append(f"Not calibrated on labelled photos: {', '.join(others)}.")
    return Sureness(asked=wanted(), below=round(below, 2), key=key, changed=_note)
