"""How photos come in: dropped or chosen files, the camera, or a sample; and which of them is looked at."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from front.api.errors import ApiError
from front.api.waiting import client
from front.photos.album import Album
from front.photos.memory import give_back_freed
from front.photos.picture import ACCEPTED, EXTENSIONS, PhotoError, needs_api
from front.photos.share import open_shared
from front.photos.strip import photo_strip
from front.photos.uploads import UPLOAD_MB, arrived, let_go
from front.photos.visitors import KEPT_SECONDS
from front.ui.names import as_text, shorten

SAMPLES = Path(__file__).parents[1] / "samples"
# Streamlit shows only an icon on a file that it refuses, and keeps the sentence for screen readers.
_SHOW_REFUSALS = """<style>
[data-testid=stFileChips]:has([role=alert]), [data-testid=stFileChips]:has([role=alert]) > div { max-height: none }
[data-testid=stFileChip]:has([role=alert]) { height: auto; flex-wrap: wrap; max-width: none }
[data-testid=stFileChip] [role=alert] {
  position: static; width: 100%; height: auto; margin: 0; clip: auto; clip-path: none; white-space: normal;
  font-size: 0.875rem;
}
</style>"""
_SOURCES = {"Files": ":material/upload:", "Camera": ":material/photo_camera:", "Samples": ":material/collections:"}


def photo_intake(album: Album) -> None:
    """The ways in: laid open while there is no photo, behind a button afterwards; then the photo switch."""
    open_shared(album)
    for message in st.session_state.pop("intake_errors", []):
        st.error(as_text(message), icon=":material/broken_image:")
    if st.session_state.pop("photos_gone", False):
        st.info(
            f"The photos of this address are gone: they are kept for {KEPT_SECONDS / 60:.0f} minutes after the last "
            "visit, or until the dashboard is started anew. Add them again.",
            icon=":material/history:",
        )
    photo = album.current
    if photo is None:
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _sources(album, ("Files", "Camera"))
        with right:
            st.markdown("**Or start with a rendered street**")
            _samples(album)
        if st.session_state.pop("photos_cleared", False):
            give_back_freed()  # here, where nothing of the run that showed them is left
        return
    if len(album.photos) > 1:
        photo_strip(album)
    with st.container(horizontal=True, vertical_alignment="center" if len(album.photos) < 2 else "bottom"):
        if len(album.photos) > 1:
            _switch(album)
        with st.popover("Add photos", icon=":material/add_photo_alternate:"):
            _sources(album, tuple(_SOURCES))
        if len(album.photos) > 1:
            st.button("Remove this photo", icon=":material/delete:", on_click=album.remove, args=(photo.sha,))
        st.button("Start over", icon=":material/restart_alt:", on_click=_clear, args=(album,))
        st.caption(f"{as_text(shorten(photo.name, 60))} · {photo.width} × {photo.height} pixels", width="content")


def _switch(album: Album) -> None:
    """Which photo is looked at. The album knows it and the box only shows it, so the box is set on every run: else
    Streamlit would show the first photo in it after a change of page.
    """
    st.session_state["photo_choice"] = album.selected

    def choose() -> None:
        album.selected = st.session_state["photo_choice"]

    st.selectbox(
        f"Photo, {len(album.photos)} in all",
        list(album.photos),
        format_func=lambda sha: shorten(album.photos[sha].name, 40),
        key="photo_choice",
        on_change=choose,
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
        st.html(_SHOW_REFUSALS)
        st.file_uploader(
            f"Drop street photos here: {ACCEPTED}",
            type=list(EXTENSIONS),
            accept_multiple_files=True,
            max_upload_size=UPLOAD_MB,
            key=key,
            on_change=_take_upload,
            args=(album, key),
        )
        st.caption(
            "Photos go to the API. The dashboard's server keeps them until you remove them, at most "
            f"{KEPT_SECONDS / 60:.0f} minutes after you have left; until then this page's address leads back to them."
        )
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
    if files := arrived(key):
        _keep(album, [(file.name, file.getvalue()) for file in files])
        let_go(files)


def _take_camera(album: Album, key: str) -> None:
    if files := arrived(key):
        _keep(album, [(f"camera-{len(album.photos) + 1}.jpg", files[0].getvalue())])
        let_go(files)


def _take_sample(album: Album, path: Path) -> None:
    _keep(album, [(path.name, path.read_bytes())])


def _keep(album: Album, files: list[tuple[str, bytes]]) -> None:
    """Add what can be read, look at the first new one, and remember a sentence for each that cannot."""
    errors: list[str] = []
    added: list[str] = []
    for name, data in files:
        try:
            shown = client().upright(data) if needs_api(data) else None
            added.append(album.add(Path(name).name, data, shown).sha)
        except PhotoError as error:
            errors.append(str(error))
        except ApiError as error:
            errors.append(f"{Path(name).name} was not added, because the API turns it into a picture: {error.advice}")
    if added:
        album.selected = added[0]
    st.session_state["intake_errors"] = errors
    st.session_state["intake_turn"] += 1
    album.batch_stopped = False


def _clear(album: Album) -> None:
    album.clear()
    for key in ("archive", "downloads"):
        st.session_state.pop(key, None)
    st.session_state["photos_cleared"] = True
