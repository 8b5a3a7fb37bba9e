"""Files of jobs on their way to the browser, which may not reach the API itself: through Streamlit's media store.

The one place of this page that reaches into Streamlit's runtime: `st.video` alone gives no address to a player of our
own. The store gives parts of a file (Range), so a player can seek, and lets go of it when the visitor leaves.
"""

import streamlit as st
from streamlit import runtime

from front.api.client import ApiClient
from front.api.predictions import PredictionCache

# Of one film that is played: larger ones can be downloaded. All visitors share the cache, so memory is bounded by it
# and by what open pages show, three films a page at most.
FILM_BYTES = 60 * 2**20
CACHE_BYTES = 200 * 2**20


@st.cache_resource(show_spinner=False)
def film_cache() -> PredictionCache:
    """The process's one: what a page shows on every run is asked for once."""
    return PredictionCache(CACHE_BYTES)


def fetch(api: ApiClient, path: str) -> bytes:
    """A result of a job, which changes no more.

    Raises:
        ApiError: the call brought no result, or the file has more than FILM_BYTES.
    """
    cache, key = film_cache(), ("film", api.base_url, path)
    data: bytes | None = cache.get(key)
    if data is None:
        data = api.job_file(path, most_bytes=FILM_BYTES)
        cache.put(key, data)
    return data


def address_of(data: bytes, place: str) -> str:
    """Where the browser finds a film; `place` tells the films of a page apart. For the run that asks alone."""
    if not runtime.exists():  # a test that runs the page without a server
        return ""
    kind = "video/mp4" if data[4:8] == b"ftyp" else "video/webm"
    path = runtime.get_instance().media_file_mgr.add(data, kind, place)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path
