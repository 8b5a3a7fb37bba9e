"""What the API found in the photos and labels, before anything is scored."""

import streamlit as st

from front.api.client import Json
from front.ui.names import as_text

_SHOWN = 3  # pairs
_LAYOUTS = {
    "cityscapes": "Laid out as Cityscapes",
    "camvid": "Laid out as CamVid",
    "folder": "images and labels",
    "loose": "Paired by name",
}


def show_found(found: Json) -> None:
    """How many pairs there are, the first of them, and what is left out."""
    pairs = found["pairs"][:_SHOWN]
    lines = [f"**{found['pictures']} photos with labels.** {_LAYOUTS.get(found['layout'], found['layout'])}."]
    if found["unlabelled"]:
        lines.append(f"{found['unlabelled']} photos have no label and are left out.")
    if found["table"]:
        lines.append(f"{as_text(found['table'])} slices the scores.")
    st.success(" ".join(lines), icon=":material/check_circle:")
    more = f" … and {found['pictures'] - len(pairs)} more" if found["pictures"] > len(pairs) else ""
    shown = " · ".join(as_text(photo if photo == label else f"{photo} + {label}") for photo, label in pairs)
    st.caption(f"{shown}{more}")
    show_left_out(found["left_out"])


def show_left_out(sentences: list[str]) -> None:
    """Files that are not used, and why."""
    if sentences:
        with st.expander(f"Not everything is used: {len(sentences)} reason{'s' * (len(sentences) != 1)}"):
            for sentence in sentences:
                st.markdown(f"- {as_text(sentence)}")
