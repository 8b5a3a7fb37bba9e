"""One of the worst images, open: the photo with its label and the model's classes as layers."""

import base64
from collections.abc import Mapping

import streamlit as st

from front import page
from front.api.client import Json
from front.api.errors import ApiError
from front.api.models import taxonomy_of
from front.api.waiting import client
from front.ui.names import as_text, display_name
from front.ui.palette import class_table
from front.viewer.canvas import Layer
from front.viewer.scored import show_scored

_OPEN = "benchmark_open"  # of the session: model and image


def open_image(model: str, image: str) -> None:
    """Show an image from now on; none any more where it is open already."""
    st.session_state[_OPEN] = None if is_open(model, image) else (model, image)


def is_open(model: str, image: str) -> bool:
    return bool(st.session_state.get(_OPEN) == (model, image))


def show_open(entry: Json, scores: Mapping[str, float]) -> None:
    """The image of this model that is open, where one is; `scores` are the mIoU of its images."""
    model, image = st.session_state.get(_OPEN) or (None, "")
    if model != entry["name"] or image not in scores:
        return
    title = display_name(entry["name"])
    try:
        with st.spinner(f"Asking {title} about {as_text(image)} …"):
            found = _layers(client().base_url, entry["name"], image, str(entry["sha256"]))
    except ApiError as error:
        if error.passing:
            raise
        st.error(f"**{as_text(image)}** cannot be opened: {error.advice}", icon=":material/broken_image:")
        return
    photo = base64.b64decode(found["photo"])
    classes = class_table(taxonomy_of(entry), safe=page.safe_palette())
    wrong = None if found["error_share"] is None else f"{100 * found['error_share']:.1f} %"
    layers = []
    if found["truth"] is not None:
        layers.append(Layer("Truth", base64.b64decode(found["truth"]), classes, f"The label of {image}.", truth=True))
    said = f"{title} is wrong on {wrong} of the labelled pixels." if wrong else f"The classes that {title} sees."
    layers.append(
        Layer(title, base64.b64decode(found["prediction"]), classes, said, note=f"{wrong} wrong" if wrong else "")
    )
    if found["note"]:
        st.info(f"There is no truth to show: {as_text(found['note'])}.", icon=":material/label_off:")
    facts = f"{as_text(image)} · {found['width']} × {found['height']} pixels"
    st.caption(f"{facts} · mIoU {100 * scores[image]:.1f} % in the model's report")
    show_scored(
        photo,
        image,
        (found["width"], found["height"]),
        layers,
        ["overlay", "pair", "wipe", "layers", "errors"],
        key="benchmark-viewer",
    )


@st.cache_data(ttl=600, max_entries=24, show_spinner=False)
def _layers(base_url: str, model: str, image: str, sha256: str) -> Json:
    """The API's answer; the hash renews it when another version serves."""
    return client().evaluated_image(model, image)
