"""Uploaded files that have been kept elsewhere: Streamlit would hold them in memory until the browser leaves.

The one place that reaches into Streamlit's runtime: there is no public way to let go of an upload, and thirty photos
of a phone are 150 MB. Where a release of Streamlit has no such store, nothing happens, and the copies stay.
"""

from collections.abc import Iterable
from contextlib import suppress

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

UPLOAD_MB = 32  # of a photo or a label, as the API's STREETSEG_MAX_IMAGE_MB


def arrived(key: str) -> list[UploadedFile]:
    """The files in an uploader; none that were let go of before, which a page that lags behind may name again."""
    value = st.session_state.get(key)
    files = value if isinstance(value, list) else [value]
    return [file for file in files if isinstance(file, UploadedFile)]


def let_go(files: Iterable[UploadedFile]) -> None:
    """Drop Streamlit's copies of these files of the session that runs."""
    context = get_script_run_ctx()
    if context is None:
        return
    with suppress(AttributeError):
        for file in files:
            context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file.file_id)  # type: ignore[attr-defined]
