"""What every page shares: its head, the API's state, and what happens when a call fails."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from front.api import ApiClient, ApiError, Json, Kind
from front.predictions import PredictionCache

STATUS_SECONDS = 10.0
_FIRST_WAIT: dict[Kind, float] = {
    "down": 2.0,
    "starting": 2.0,
    "overloaded": 3.0,
    "slow": 15.0,
    "failed": 5.0,
    "broken": 10.0,
}
_LONGEST_WAIT = 60.0
_ICONS: dict[Kind, str] = {
    "down": ":material/cloud_off:",
    "starting": ":material/hourglass_top:",
    "overloaded": ":material/schedule:",
    "slow": ":material/timer:",
    "failed": ":material/error:",
    "broken": ":material/error:",
    "rejected": ":material/block:",
}


@st.cache_resource(show_spinner=False)
def client() -> ApiClient:
    """The process's one client."""
    return ApiClient.from_environment()


@st.cache_resource(show_spinner=False)
def prediction_cache() -> PredictionCache:
    return PredictionCache()


@st.cache_data(ttl=4, max_entries=4, show_spinner=False)
def models(base_url: str) -> Json:
    """`/models`, asked at most every few seconds; failures are not kept."""
    return client().models()


@st.cache_data(ttl=30, max_entries=32, show_spinner=False)
def model_detail(base_url: str, name: str, sha256: str) -> Json:
    """`/models/{name}` with card and report; the hash renews it after a reload."""
    return client().model(name)


@st.cache_data(ttl=300, max_entries=32, show_spinner=False)
def classes(base_url: str, name: str, sha256: str) -> Json:
    """`/classes` of a model."""
    return client().classes(name)


def all_models() -> list[Json]:
    """Every registered model's entry."""
    return list(models(client().base_url)["models"])


def ready_models() -> list[Json]:
    """The entries that can answer; says which cannot and why.

    Raises:
        ApiError: `starting` when there is none.
    """
    entries = all_models()
    ready = [entry for entry in entries if entry.get("ready")]
    for entry in entries:
        if not entry.get("ready") and entry.get("error"):
            st.warning(f"**{entry['name']}** is not served: {entry['error']}", icon=":material/warning:")
    if not ready:
        raise ApiError("starting", "No model is ready yet. This page goes on by itself.")
    return ready


def detail_of(entry: Json) -> Json:
    return model_detail(client().base_url, entry["name"], str(entry.get("sha256")))


def taxonomy_of(entry: Json) -> Json:
    return classes(client().base_url, entry["name"], str(entry.get("sha256")))


def header(title: str, caption: str) -> None:
    """Title on the left; on the right the API's state and the settings."""
    row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    with row:
        with st.container(width="content", gap=None):
            st.title(title, anchor=False, width="content")
            st.caption(caption, width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            _status()
            with st.popover("Colours", icon=":material/palette:"):
                st.toggle(
                    "Palette for colour blindness",
                    key="safe_palette",
                    persist_state="session",
                    help="Class colours that people with red-green colour blindness can tell apart. "
                    "Downloads keep the model's own colours.",
                )


def dark() -> bool:
    """Whether the reader's theme is the dark one."""
    return st.context.theme.type == "dark"


def safe_palette() -> bool:
    return bool(st.session_state.get("safe_palette", False))


@st.fragment(run_every=STATUS_SECONDS)
def _status() -> None:
    try:
        count = len(client().ready())
    except ApiError as error:
        st.badge(error.title, icon=_ICONS[error.kind], color="orange")
    else:
        st.badge(f"API ready, {count} model{'s' * (count != 1)}", icon=":material/check_circle:", color="green")


@contextmanager
def guarded(task: str) -> Iterator[None]:
    """Turn an `ApiError` into a sentence and end the run; a passing one is tried again by itself."""
    try:
        yield
    except ApiError as error:
        problem(error, task)
        st.stop()
    st.session_state.get("attempts", {}).pop(task, None)


def problem(error: ApiError, task: str) -> None:
    """Show an error; when it may pass, try again without anybody's help."""
    box = st.error if error.kind in ("rejected", "failed", "broken") else st.warning
    box(f"**{error.title}.** {error.advice}", icon=_ICONS[error.kind])
    if error.passing:
        attempts: dict[str, int] = st.session_state.setdefault("attempts", {})
        attempts[task] = attempts.get(task, 0) + 1
        st.fragment(_retry, run_every=wait_before(error, attempts[task]), key=f"retry-{task}")(
            {"first": True}, needs_ready=error.kind in ("down", "starting", "overloaded")
        )


def wait_before(error: ApiError, attempt: int) -> float:
    """Seconds until the next try: what the API asked for, else longer each time an error stays."""
    first = _FIRST_WAIT.get(error.kind, 5.0)
    if error.kind in ("down", "starting"):
        return first  # only a look at /readyz, which costs nothing
    asked = error.retry_after or 0.0
    return min(_LONGEST_WAIT, max(asked, first * 2 ** (attempt - 1)))


def _retry(memory: dict[str, Any], *, needs_ready: bool) -> None:
    """Runs once with the page and then on a timer; only the timer's runs try again."""
    if memory.pop("first", False):
        st.caption("Waiting to try again …")
        return
    if needs_ready:
        try:
            client().ready()
        except ApiError as error:
            st.caption(f"{error.title}; last tried at {time.strftime('%H:%M:%S')}.")
            return
    st.rerun()
