"""Which jobs a visitor looks at: their ids stand in the address, so a reload and a shared link lead back to them."""

from collections.abc import Sequence

import streamlit as st

from front.api.errors import ApiError
from front.api.waiting import client

PARAMETER = "job"  # of the address; once for each model
MOST = 2
_KEPT = "video_jobs"


def watched_jobs() -> list[str]:
    """The ids of the address, else those of this session, which other pages' addresses leave out."""
    asked = st.query_params.get_all(PARAMETER)[:MOST]
    ids = list(dict.fromkeys(asked)) or list(st.session_state.get(_KEPT, []))
    if ids != st.session_state.get(_KEPT):
        st.session_state.pop("clip_name", None)  # of another clip
    watch(ids)
    return ids


def watch(ids: Sequence[str]) -> None:
    """Look at these jobs from now on; at none, where there are none."""
    st.session_state[_KEPT] = list(ids)
    if not ids:
        st.query_params.pop(PARAMETER, None)
    elif st.query_params.get_all(PARAMETER) != list(ids):
        st.query_params[PARAMETER] = list(ids)


def delete_jobs(ids: Sequence[str], *, what: str, said: str) -> bool:
    """End and delete jobs; a sentence for the page's next run says so, or why they are still there.

    Args:
        what: in place of the dots of "It was not …", for example `cancelled`.
        said: the sentence where all went well.

    Returns:
        Whether they are deleted, and looked at no more.
    """
    try:
        for name in ids:
            client().delete_job(name)
    except ApiError as error:
        st.session_state["video_said"] = f"**{error.title}.** It was not {what}: {error.advice_for_a_press}"
        return False
    watch([])
    st.session_state["video_said"] = said
    return True
