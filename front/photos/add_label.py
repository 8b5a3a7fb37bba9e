"""How a label file comes to a photo, and what its values are taken for."""

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from front.api.models import prediction_cache
from front.api.predictions import label_values
from front.api.waiting import client
from front.photos.album import Album, Photo
from front.photos.label_files import LabelFile, Values, doubt, kind_key, kind_of, kinds_for, likely_kind
from front.photos.picture import PhotoError
from front.photos.uploads import UPLOAD_MB, arrived, let_go
from front.ui.names import as_text, shorten


def label_intake(album: Album, photo: Photo, taxonomies: Iterable[str]) -> str | None:
    """Where a label file is given for the photo and taken away again; returns what kind it is taken for.

    Only kinds are offered that the API can turn into the classes of all these class sets; None when there is none.
    """
    kinds = kinds_for(taxonomies)
    label = album.labels.get(photo.sha)
    kind = None
    values = label_values(client(), prediction_cache(), label) if label is not None else {}
    with st.popover("Label file", icon=":material/label:"):
        if not kinds:
            st.caption("No kind of label file fits the classes of both models.")
            return None
        # Like the photos' uploader: a new key empties the widget, or it would give the label again once removed.
        key = f"label-{photo.sha[:12]}-{st.session_state.setdefault('intake_turn', 0)}"
        st.file_uploader(
            f"True classes of {as_text(shorten(photo.name))}, a PNG of its size",
            type=["png"],
            max_upload_size=UPLOAD_MB,
            key=key,
            on_change=_take_label,
            args=(album, photo, key),
            help="A picture that says for each pixel of the photo what is there, as a number or as a colour.",
        )
        if label is not None:
            st.caption(f"{as_text(shorten(label.name))} is given for {as_text(shorten(photo.name))}.")
            kind = _choose_kind(label, values, kinds)
            st.button("Remove the label", icon=":material/delete:", on_click=album.remove_label, args=(photo.sha,))
    against = doubt(label, values, kind, kinds) if label is not None and kind is not None else None
    if against is not None:
        st.warning(f"{as_text(against)} Choose what it holds under “Label file”.", icon=":material/label:")
    return kind


def _choose_kind(label: LabelFile, values: Values, kinds: list[str]) -> str:
    """What the file is taken for: guessed at first, and the visitor may know better."""
    key = kind_key(label)
    if st.session_state.get(key) not in kinds:
        st.session_state[key] = likely_kind(label, values, kinds)
    return st.selectbox(
        "Its values are",
        kinds,
        format_func=lambda kind: kind_of(kind).title,
        key=key,
        persist_state="session",
    )


def _take_label(album: Album, photo: Photo, key: str) -> None:
    files = arrived(key)
    if not files:
        return
    try:
        album.add_label(photo.sha, LabelFile.of(Path(files[0].name).name, files[0].getvalue()))
    except PhotoError as error:
        st.session_state["intake_errors"] = [str(error)]
    let_go(files)
    st.session_state["intake_turn"] += 1
