"""An evaluation that is not done: how far it is, renewed by itself, and the way to end it."""

import streamlit as st

from front.api.client import Json
from front.api.watched import EVALUATION
from front.ui.names import duration


def show_progress(job: Json) -> None:
    """A bar; the page runs again when the job has ended."""
    EVALUATION.show_until_done([job], _show, "it")
    st.button("Cancel", icon=":material/close:", on_click=_cancel, args=(job["id"],))


def _show(jobs: list[Json]) -> None:
    for job in jobs:
        st.progress(job.get("progress") or 0.0, text=words(job))


def words(job: Json) -> str:
    """How far a job is: photos, photos a second, time left."""
    if job["state"] == "queued":
        ahead = job.get("ahead") or 0
        return f"waits for {ahead} other job{'s' * (ahead != 1)}" if ahead else "begins in a moment"
    if not job["frames"]:
        return "loads the model"
    parts = [f"{job['frames']} of {job['evaluation']['pictures']} photos"]
    if job.get("images_per_s"):
        parts.append(f"{job['images_per_s']:.1f} photos/s")
    if job.get("seconds_left") is not None:
        parts.append(f"{duration(0, 1000 * job['seconds_left'])} left")
    return " · ".join(parts)


def _cancel(name: str) -> None:
    EVALUATION.delete([name], what="cancelled", said="Cancelled: the photos and what was made of them are deleted.")
