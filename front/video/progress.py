"""Jobs that are not done: how far they are, renewed by itself, and the way to end them."""

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client
from front.ui.names import display_name
from front.video.text import progress_words
from front.video.watched import CLIPS

EVERY_SECONDS = 1.0
UNFINISHED = ("queued", "running")
_PREVIEW_BYTES = 4 << 20


def show_progress(jobs: list[Json]) -> None:
    """A bar a job, with the newest picture that it has coloured; the page runs again when one has ended."""
    states = {job["id"]: job["state"] for job in jobs}

    def watching(memory: dict[str, bool]) -> None:
        now = jobs
        if not memory.pop("first", False):
            try:
                now = [client().job(name) for name in states]
            except ApiError as error:
                if error.status == 404:
                    st.rerun()
                st.warning(
                    f"**{error.title}.** How far the clip is cannot be told now; the work itself may go on.",
                    icon=":material/cloud_off:",
                )
                return
            if any(job["state"] not in UNFINISHED and states[job["id"]] in UNFINISHED for job in now):
                st.rerun()
        for job, place in zip(now, st.columns(len(now), gap="medium"), strict=True):
            with place:
                _show(job)

    st.fragment(watching, run_every=EVERY_SECONDS, key="video-progress")({"first": True})
    st.button("Cancel", icon=":material/close:", on_click=_cancel, args=(list(states),))


def _show(job: Json) -> None:
    st.progress(job.get("progress") or 0.0, text=f"**{display_name(job['model'])}**: {progress_words(job)}")
    if path := job["files"].get("preview"):
        try:
            picture = client().job_file(path, most_bytes=_PREVIEW_BYTES)
        except ApiError:  # ended or deleted since; the next look tells
            return
        st.image(picture, width="stretch", alt=f"The frame that {display_name(job['model'])} labelled last")


def _cancel(ids: list[str]) -> None:
    """End the jobs of a clip that are not done, and those that are with them: the clip is wanted no more."""
    CLIPS.delete(ids, what="cancelled", said="Cancelled: the clip and what was made of it are deleted.")
