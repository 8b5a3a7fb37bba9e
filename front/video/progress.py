"""Jobs that are not done: how far they are, renewed by itself, and the way to end them."""

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client
from front.ui.names import display_name
from front.video.growing import offer_growing
from front.video.text import progress_words
from front.video.watched import CLIPS

_PREVIEW_BYTES = 4 << 20


def show_progress(jobs: list[Json]) -> None:
    """A bar a job, with the newest picture that it has coloured, or the film so far; the page runs again when one has
    ended.
    """
    CLIPS.show_until_done(jobs, _show, "the clip")
    st.button("Cancel", icon=":material/close:", on_click=_cancel, args=([job["id"] for job in jobs],))


def _show(jobs: list[Json]) -> None:
    for job, place in zip(jobs, st.columns(len(jobs), gap="medium"), strict=True):
        with place:
            _show_one(job)


def _show_one(job: Json) -> None:
    st.progress(job.get("progress") or 0.0, text=f"**{display_name(job['model'])}**: {progress_words(job)}")
    if offer_growing(job):
        return
    if path := job["files"].get("preview"):
        try:
            picture = client().job_file(path, most_bytes=_PREVIEW_BYTES)
        except ApiError:  # ended or deleted since; the next look tells
            return
        st.image(picture, width="stretch", alt=f"The frame that {display_name(job['model'])} labelled last")


def _cancel(ids: list[str]) -> None:
    """End the jobs of a clip that are not done, and those that are with them: the clip is wanted no more."""
    CLIPS.delete(ids, what="cancelled", said="Cancelled: the clip and what was made of it are deleted.")
