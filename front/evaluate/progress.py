"""An evaluation that is not done: how far it is, renewed by itself, and the way to end it."""

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client
from front.api.watched import EVALUATION
from front.ui.names import duration

EVERY_SECONDS = 1.0
UNFINISHED = ("queued", "running")


def show_progress(job: Json) -> None:
    """A bar; the page runs again when the job has ended."""

    def watching(memory: dict[str, bool]) -> None:
        now = job
        if not memory.pop("first", False):
            try:
                now = client().job(job["id"])
            except ApiError as error:
                if error.status == 404:
                    st.rerun()
                st.warning(
                    f"**{error.title}.** How far it is cannot be told now; the work itself may go on.",
                    icon=":material/cloud_off:",
                )
                return
            if now["state"] not in UNFINISHED:
                st.rerun()
        st.progress(now.get("progress") or 0.0, text=words(now))

    st.fragment(watching, run_every=EVERY_SECONDS, key="evaluation-progress")({"first": True})
    st.button("Cancel", icon=":material/close:", on_click=_cancel, args=(job["id"],))


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
