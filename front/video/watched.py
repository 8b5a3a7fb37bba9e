"""Which jobs a visitor looks at: their ids stand in the address, so a reload and a shared link lead back to them."""

from collections.abc import Sequence

import streamlit as st

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
