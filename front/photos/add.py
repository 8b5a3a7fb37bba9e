"""How photos come in: dropped or chosen files, the camera, or a sample. And how a label comes to a photo."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import streamlit as st

from front.photos.album import EXTENSIONS, Album, Photo, PhotoError
from front.photos.label_files import TITLES, sources_for
from front.ui.names import shorten

SAMPLES = Path(__file__).parents[1] / "samples"
_SOURCES = {"Files": ":material/upload:", "Camera": ":material/photo_camera:", "Samples": ":material/collections:"}


def photo_intake(album: Album) -> None:
    """The ways in: laid open while there is no photo, behind a button afterwards; then the photo switch."""
    for message in st.session_state.pop("intake_errors", []):
        st.error(message, icon=":material/broken_image:")
    photo = album.current
    if photo is None:
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _sources(album, ("Files", "Camera"))
        with right:
            st.markdown("**Or start with a rendered street**")
            _samples(album)
        return
    with st.container(horizontal=True, vertical_alignment="center" if len(album.photos) < 2 else "bottom"):
        if len(album.photos) > 1:
            _switch(album)
        with st.popover("Add photos", icon=":material/add_photo_alternate:"):
            _sources(album, tuple(_SOURCES))
        if len(album.photos) > 1:
            st.button("Remove this photo", icon=":material/delete:", on_click=album.remove, args=(photo.sha,))
        st.button("Start over", icon=":material/restart_alt:", on_click=_clear, args=(album,))
        st.caption(f"{shorten(photo.name, 60)} · {photo.width} × {photo.height} pixels", width="content")


def label_intake(album: Album, photo: Photo, taxonomies: Iterable[str]) -> str | None:
    """Where a label file is given for the photo and taken away again; returns what its values are.

    Only formats are offered that the API can turn into the classes of all these taxonomies; None when there is none.
    """
    sources = sources_for(taxonomies)
    with st.popover("Label file", icon=":material/label:"):
        if not sources:
            st.caption("No kind of label file fits the classes of both models.")
            return None
        if st.session_state.get("label_source") not in sources:
            st.session_state["label_source"] = sources[0]
        source = st.selectbox(
            "Its values are", sources, format_func=TITLES.__getitem__, key="label_source", persist_state="session"
        )
        # Like the photos' uploader: a new key empties the widget, or it would give the label again once removed.
        key = f"label-{photo.sha[:12]}-{st.session_state.setdefault('intake_turn', 0)}"
        st.file_uploader(
            f"True classes of {shorten(photo.name)}, one grey value a pixel",
            type=["png"],
            key=key,
            on_change=_take_label,
            args=(album, photo, key),
            help="A grey or palette PNG of the photo's size whose values are class ids.",
        )
        label = album.labels.get(photo.sha)
        if label is not None:
            st.caption(f"{label.name} is the truth for {photo.name}.")
            st.button("Remove the label", icon=":material/delete:", on_click=album.remove_label, args=(photo.sha,))
    return source


def _switch(album: Album) -> None:
    """Which photo is looked at."""
    if st.session_state.get("photo_choice") != album.selected:
        st.session_state["photo_choice"] = album.selected

    def chosen() -> None:
        album.selected = st.session_state["photo_choice"]

    st.selectbox(
        f"Photo, {len(album.photos)} in all",
        list(album.photos),
        format_func=lambda sha: shorten(album.photos[sha].name, 40),
        key="photo_choice",
        on_change=chosen,
        width=320,
    )


def _sources(album: Album, names: Sequence[str]) -> None:
    source = st.segmented_control(
        "Photos from",
        names,
        default="Files",
        required=True,
        format_func=lambda name: f"{_SOURCES[name]} {name}",
        key="photo_source",
        label_visibility="collapsed",
    )
    turn = st.session_state.setdefault("intake_turn", 0)  # a new key empties the widget once its photo is kept
    if source == "Files":
        key = f"upload-{turn}"
        st.file_uploader(
            "Drop street photos here: JPEG, PNG or WEBP",
            type=list(EXTENSIONS),
            accept_multiple_files=True,
            key=key,
            on_change=_take_upload,
            args=(album, key),
        )
        st.caption("Photos go to the API and are kept in this session only.")
    elif source == "Camera":
        key = f"camera-{turn}"
        st.camera_input("Take a photo of a street", key=key, on_change=_take_camera, args=(album, key))
    else:
        _samples(album)


def _samples(album: Album) -> None:
    """Small rendered scenes to try; each is its own button with a picture above."""
    with st.container(horizontal=True):
        for path in sorted(SAMPLES.glob("*.jpg")):
            title = path.stem.replace("-", " ").capitalize()
            with st.container(width=166, gap="xsmall"):
                st.image(str(path), width="stretch", alt=f"Rendered street scene: {title}")
                st.button(
                    title, key=f"sample-{path.stem}", on_click=_take_sample, args=(album, path), width="stretch"
                )


def _take_upload(album: Album, key: str) -> None:
    files = st.session_state.get(key) or []
    _keep(album, [(file.name, file.getvalue()) for file in files])


def _take_camera(album: Album, key: str) -> None:
    file = st.session_state.get(key)
    if file is not None:
        _keep(album, [(f"camera-{len(album.photos) + 1}.jpg", file.getvalue())])


def _take_sample(album: Album, path: Path) -> None:
    _keep(album, [(path.name, path.read_bytes())])


def _take_label(album: Album, photo: Photo, key: str) -> None:
    file = st.session_state.get(key)
    if file is None:
        return
    try:
        album.add_label(photo.sha, Path(file.name).name, file.getvalue())
    except PhotoError as error:
        st.session_state["intake_errors"] = [str(error)]
    st.session_state["intake_turn"] += 1


def _keep(album: Album, files: list[tuple[str, bytes]]) -> None:
    """Add what can be read, look at the first new one, and remember a sentence for each that cannot."""
    errors: list[str] = []
    added: list[str] = []
    for name, data in files:
        try:
            added.append(album.add(Path(name).name, data).sha)
        except PhotoError as error:
            errors.append(str(error))
    if added:
        album.selected = added[0]
    st.session_state["intake_errors"] = errors
    st.session_state["intake_turn"] += 1
    st.session_state.pop("batch_stopped", None)


def _clear(album: Album) -> None:
    album.clear()
    for key in ("batch_stopped", "batch_errors", "archive", "downloads"):
        st.session_state.pop(key, None)
