"""Video: a clip in, what models see on it beside it, over time."""

import time

import streamlit as st

from front import page
from front.api.client import Json
from front.api.errors import ApiError
from front.api.models import all_models, ready_models, registered_models
from front.api.waiting import client, guard
from front.api.watched import UNFINISHED
from front.photos.memory import give_back_freed
from front.ui.names import as_text, display_name, shorten
from front.video.growing import forget_growing
from front.video.intake import clip_intake
from front.video.progress import show_progress
from front.video.results import show_results
from front.video.text import clip_facts
from front.video.watched import CLIPS


def main() -> None:
    page.header("Video", "What models see on a drive, frame by frame.")
    if said := st.session_state.pop("video_said", None):
        st.info(said, icon=":material/info:")
    ids = CLIPS.ids()
    with guard("video"):
        jobs = _look(ids)
        if not jobs:
            entries = all_models()
            page.watch_models(entries)
            clip_intake(ready_models(entries))
            return
        name = st.session_state.get("clip_name", "clip")
        _head(jobs, name)
        for job in jobs:
            if job["state"] == "failed":
                st.error(f"**{display_name(job['model'])}** did not finish: {job['error']}", icon=":material/error:")
        if any(job["state"] in UNFINISHED for job in jobs):
            show_progress(jobs)
            return
        forget_growing()
        if done := [job for job in jobs if job["state"] == "done"]:
            show_results(done, registered_models(), name)


def _look(ids: list[str]) -> list[Json]:
    """The jobs that are still there; the address forgets the others, and a sentence says so."""
    jobs: list[Json] = []
    for name in ids:
        try:
            jobs.append(client().job(name))
        except ApiError as error:
            if error.status != 404:
                raise
    if len(jobs) < len(ids):
        CLIPS.watch([job["id"] for job in jobs])
        whose = "The clip of this address is" if not jobs else "What one of the two models made of the clip is"
        st.info(
            f"{whose} no longer there: the API deletes clips and results after a while, or when they are cancelled. "
            "Drop it again.",
            icon=":material/history:",
        )
    return jobs


def _head(jobs: list[Json], name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Another clip", icon=":material/add:", on_click=_leave)
        if not any(job["state"] in UNFINISHED for job in jobs):
            st.button(
                "Delete clip and results", icon=":material/delete:", on_click=_delete, args=([j["id"] for j in jobs],)
            )
        st.caption(f"{as_text(shorten(name, 60))} · {clip_facts(jobs[0]['clip'])}", width="content")
        if kept := [job["kept_until"] for job in jobs if job.get("kept_until")]:
            hours = max(0.0, (min(kept) - time.time()) / 3600)
            st.caption(
                f"Kept for {hours:.0f} hours more." if hours >= 1.5 else "Kept for about an hour more.",
                width="content",
            )


def _leave() -> None:
    """Back to the form; the jobs stay with the API, and the browser's way back leads to them."""
    CLIPS.watch([])
    give_back_freed()


def _delete(ids: list[str]) -> None:
    if CLIPS.delete(ids, what="deleted", said="The clip and its results are deleted."):
        give_back_freed()


main()
