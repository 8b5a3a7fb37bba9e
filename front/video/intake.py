"""How a clip comes in: the file, the models and what is asked of them, and the press that starts the jobs."""

from dataclasses import dataclass
from typing import BinaryIO, Literal

import streamlit as st

from front.api.client import ApiClient, Json
from front.api.errors import ApiError
from front.api.waiting import ICONS, client
from front.photos.memory import give_back_freed
from front.photos.uploads import arrived, let_go
from front.ui.names import as_text, display_name, shorten
from front.video.watched import CLIPS

CLIP_MB = 200
EXTENSIONS = ("mp4", "m4v", "mov", "webm", "mkv")
Classes = Literal["zip", "video", "none"]
_CLASSES: dict[Classes, str] = {"zip": "PNG files in a zip", "video": "Video without loss", "none": "None"}


@dataclass(frozen=True)
class Wishes:
    """What is asked of the models: `every` Nth frame, `opacity` 0..1 of the colours in the overlay."""

    models: tuple[str, ...]
    opacity: float
    smooth: bool
    every: int
    classes: Classes


def clip_intake(entries: list[Json]) -> None:
    """The form; `entries` are the models that answer. When the jobs have begun the page runs again."""
    turn = st.session_state.setdefault("clip_turn", 0)  # a new key empties the widget once its clip is sent
    key = f"clip-{turn}"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.file_uploader(
            "Drop a clip here: MP4, MOV, WEBM or MKV", type=list(EXTENSIONS), max_upload_size=CLIP_MB, key=key
        )
        st.caption(
            "The clip goes to the API, which keeps it with its results for a while; whoever has this page's address "
            "can see them. The dashboard keeps no copy of it. H.264, HEVC, VP8, VP9 and AV1 can be read."
        )
        clip = next(iter(arrived(key)), None)
    with right:
        wishes = _ask(entries)
    pressed = st.button(
        "Label the clip" if len(wishes.models) == 1 else "Label the clip with both models",
        type="primary",
        icon=":material/play_arrow:",
        disabled=clip is None,
        help="Drop a clip first." if clip is None else None,
    )
    if pressed and clip is not None:
        try:
            with st.spinner("Sending the clip to the API, which looks whether it can be read …"):
                jobs = start(client(), clip, wishes)
        except ApiError as error:
            _tell(clip.name, error)
            return
        st.session_state["clip_turn"] += 1
        let_go([clip])
        CLIPS.watch([job["id"] for job in jobs])
        st.session_state["clip_name"] = clip.name
        give_back_freed()
        st.rerun()


def start(api: ApiClient, clip: BinaryIO, wishes: Wishes) -> list[Json]:
    """A job for each model; where one of them cannot begin, none is left behind.

    Raises:
        ApiError: the call brought no result.
    """
    jobs: list[Json] = []
    for model in wishes.models:
        try:
            jobs.append(
                api.start_clip(
                    clip,
                    model=model,
                    every=wishes.every,
                    smooth=wishes.smooth,
                    opacity=wishes.opacity,
                    classes=wishes.classes,
                )
            )
        except ApiError:
            for job in jobs:
                api.delete_job(job["id"])
            raise
    return jobs


def _ask(entries: list[Json]) -> Wishes:
    names = [entry["name"] for entry in entries]
    first = st.selectbox("Model A", names, format_func=display_name, key="video_a", persist_state="session")
    others: list[str | None] = [None, *(name for name in names if name != first)]
    if st.session_state.get("video_b") not in others:
        st.session_state["video_b"] = None
    second = st.selectbox(
        "Model B, to compare",
        others,
        format_func=lambda name: display_name(name) if name else "None",
        key="video_b",
        persist_state="session",
    )
    percent = st.slider(
        "Opacity of the colours", 0, 100, 50, format="%d %%", key="video_opacity", persist_state="session"
    )
    smooth = st.toggle(
        "Smooth over time",
        key="video_smooth",
        persist_state="session",
        help="Holds a class where the picture hardly changes: less flicker.",
    )
    with st.expander("Frames and files"):
        every = st.number_input(
            "Take every Nth frame",
            1,
            10_000,
            1,
            key="video_every",
            persist_state="session",
            help="1 takes all; 5 takes every fifth and is five times faster.",
        )
        classes = st.selectbox(
            "Class maps",
            list(_CLASSES),
            format_func=lambda kind: _CLASSES[kind],
            key="video_classes",
            persist_state="session",
            help="The class of every pixel of every frame, as numbers.",
        )
    return Wishes(tuple(name for name in (first, second) if name), percent / 100, smooth, int(every), classes)


def _tell(name: str, error: ApiError) -> None:
    if error.of_photo:  # the file itself is refused
        st.error(f"**{as_text(shorten(name, 60))}** was refused: {error.advice}", icon=":material/videocam_off:")
        return
    box = st.warning if error.passing else st.error
    box(f"**{error.title}.** {error.advice_for_a_press}", icon=ICONS[error.kind])
