"""The visitor's photos in a row of small pictures: pressed, or stepped through with keys."""

import base64
import hashlib
from contextlib import suppress
from pathlib import Path

import streamlit as st

from front.photos.album import Album, Photo
from front.photos.picture import PhotoError, preview_of_file
from front.ui.components import component

_KEY = "photo-strip"
_SIDE = 150  # pixels; a row of 64 shows it sharp on most screens
_mount = component("streetseg_strip", Path(__file__).parent, "strip", ("strip.js",))


def photo_strip(album: Album) -> None:
    """Mount it; a press makes the photo the one that is looked at."""

    def choose() -> None:
        chosen = getattr(st.session_state[_KEY], "chosen", None)
        if isinstance(chosen, str) and chosen in album.photos:
            album.selected = chosen

    photos = [
        {"id": sha, "name": photo.name, "refused": sha in album.refused, "jpeg": _thumbnail(sha, photo)}
        for sha, photo in list(album.photos.items())
    ]
    told = "".join(f"{one['id']}{one['refused']}" for one in photos)
    data = {"photos": photos, "selected": album.selected, "version": hashlib.sha256(told.encode()).hexdigest()[:16]}
    _mount(data=data, key=_KEY, on_chosen_change=choose)


@st.cache_data(max_entries=600, show_spinner=False)
def _thumbnail(sha: str, _photo: Photo) -> str:
    """A small JPEG as base64, made once; nothing of a photo that cannot be shown."""
    with suppress(PhotoError):
        return base64.b64encode(preview_of_file(_photo.name, _photo.picture, _SIDE)).decode()
    return ""
