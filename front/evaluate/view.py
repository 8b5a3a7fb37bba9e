"""Evaluate: photos with labels in, scores out, and the pictures behind every number."""

import streamlit as st

from front import page
from front.api.client import Json
from front.api.errors import ApiError
from front.api.models import all_models, ready_models
from front.api.waiting import client, guard
from front.api.watched import EVALUATION, UNFINISHED
from front.evaluate.ask import ask_and_begin
from front.evaluate.found import show_found
from front.evaluate.intake import photos_intake
from front.evaluate.progress import show_progress
from front.evaluate.results import show_results
from front.photos.memory import give_back_freed
from front.ui.names import as_text, display_name, shorten


def main() -> None:
    page.header("Evaluate", "A model over photos with labels: how good it is there, and where it fails.")
    if said := st.session_state.pop(EVALUATION.said, None):
        st.info(said, icon=":material/info:")
    ids = EVALUATION.ids()
    with guard("evaluate"):
        entries = all_models()
        page.watch_models(entries)
        ready = ready_models(entries)
        job = _look(ids[0]) if ids else None
        if job is None:
            photos_intake(ready)
            return
        _head(job, ready)
        if job["state"] in UNFINISHED:
            show_progress(job)
        elif job["state"] == "done":
            show_results(job)
        else:
            if job["state"] == "failed":
                st.error(f"It did not finish: {job['error']}", icon=":material/error:")
            show_found(job["evaluation"])
            ask_and_begin(job, ready)


def _look(name: str) -> Json | None:
    """The job, where it is still there; else the address forgets it, and a sentence says so."""
    try:
        job = client().job(name)
    except ApiError as error:
        if error.status != 404:
            raise
        job = {}
    if job.get("evaluation"):
        return job
    EVALUATION.watch([])
    st.info(
        "The evaluation of this address is no longer there: the API deletes photos and results after a while, or "
        "when they are cancelled. Give the photos again.",
        icon=":material/history:",
    )
    return None


def _head(job: Json, entries: list[Json]) -> None:
    found = job["evaluation"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Other photos", icon=":material/add:", on_click=_leave)
        if job["state"] == "done":
            with st.popover("Evaluate again", icon=":material/replay:"):
                ask_and_begin(job, entries)
        if job["state"] not in UNFINISHED:
            st.button("Delete photos and results", icon=":material/delete:", on_click=_delete, args=(job["id"],))
        name = st.session_state.get(EVALUATION.name) or _called(found)
        models = [display_name(job["model"]), *([display_name(job["other"])] if job.get("other") else [])]
        facts = [as_text(shorten(name, 60)), f"{found['pictures']} labelled photos"]
        if job["state"] != "held":
            facts.append(" and ".join(models))
        st.caption(" · ".join(facts), width="content")


def _called(found: Json) -> str:
    if found["folder"] is None:
        return "Photos"
    return f"{'The server’s data set' if found['folder'] == '.' else found['folder']}, {found['split']}"


def _leave() -> None:
    """Back to the form; the job stays with the API, and the browser's way back leads to it."""
    EVALUATION.watch([])
    give_back_freed()


def _delete(name: str) -> None:
    if EVALUATION.delete([name], what="deleted", said="The photos and their results are deleted."):
        give_back_freed()


main()
