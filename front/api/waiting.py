"""The API as pages meet it: one client, a look at its state, and waiting that ends by itself."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from front.api.client import ApiClient, Json
from front.api.errors import ApiError, Kind

STATUS_SECONDS = 10.0
WAITING_SECONDS = 2.0
_FIRST_WAIT: dict[Kind, float] = {
    "down": 2.0,
    "starting": 2.0,
    "unserved": 3.0,
    "mlflow": 3.0,
    "overloaded": 3.0,
    "slow": 15.0,
    "failed": 5.0,
    "broken": 10.0,
    "locked": 10.0,
    "gone": 5.0,  # by then the list of models is a new one
}
_LONGEST_WAIT = 60.0
ICONS: dict[Kind, str] = {
    "down": ":material/cloud_off:",
    "starting": ":material/hourglass_top:",
    "unserved": ":material/deployed_code_alert:",
    "mlflow": ":material/database_off:",
    "overloaded": ":material/schedule:",
    "slow": ":material/timer:",
    "failed": ":material/error:",
    "broken": ":material/error:",
    "locked": ":material/key:",
    "gone": ":material/deployed_code_alert:",
    "rejected": ":material/block:",
}
# Kinds that /readyz tells of, too: while it does, asking for more is of no use.
_SEEN_BY_READYZ: tuple[Kind, ...] = ("down", "starting", "unserved", "mlflow", "overloaded")


@st.cache_resource(show_spinner=False)
def client() -> ApiClient:
    """The process's one client."""
    return ApiClient.from_environment()


def forget_state() -> None:
    """Make the next `state` ask again; a page does so when it starts."""
    st.session_state.pop("api_state", None)


def state() -> tuple[list[str], ApiError | None]:
    """Names of the models that answer, or why none does. Asked once for all that a page shows at one time."""
    known = st.session_state.get("api_state")
    if known is None or time.monotonic() - known[0] > 1.0:
        try:
            known = (time.monotonic(), client().ready(), None)
        except ApiError as error:
            known = (time.monotonic(), [], error)
        st.session_state["api_state"] = known
    return known[1], known[2]


def status_badge() -> None:
    """The API's state in two words, renewed every few seconds."""

    def badge() -> None:
        names, error = state()
        if error is None:
            text = f"API ready, {len(names)} model{'s' * (len(names) != 1)}"
            st.badge(text, icon=":material/check_circle:", color="green")
        else:
            st.badge(error.title, icon=ICONS[error.kind], color="orange", help=error.advice)

    st.fragment(badge, run_every=_pace(), key="api-badge")()


def status_notice() -> None:
    """What is wrong and what to do while the API cannot predict, on pages that ask it for nothing too.

    Comes and goes by itself; when the API is back the page runs again.
    """

    def notice(memory: dict[str, bool]) -> None:
        error = state()[1]
        if error is None:
            if memory.get("away"):
                st.rerun()
            return
        memory["away"] = True
        st.warning(f"**{error.title}.** {error.advice}", icon=ICONS[error.kind])

    st.fragment(notice, run_every=_pace(), key="api-notice")({})


def _pace() -> float:
    return STATUS_SECONDS if state()[1] is None else WAITING_SECONDS


@contextmanager
def guard(task: str) -> Iterator[None]:
    """Turn an `ApiError` into a sentence and end the run; a passing one is tried again by itself."""
    try:
        yield
    except ApiError as error:
        show_problem(error, task)
        st.stop()
    st.session_state.get("attempts", {}).pop(task, None)


def show_problem(error: ApiError, task: str) -> None:
    """Show an error, unless the notice above says the same; when it may pass, try again without anybody's help."""
    said = state()[1]
    if said is None or said.kind != error.kind:
        box = st.error if error.kind in ("rejected", "failed", "broken") else st.warning
        box(f"**{error.title}.** {error.advice}", icon=ICONS[error.kind])
    if error.passing:
        attempts: dict[str, int] = st.session_state.setdefault("attempts", {})
        attempts[task] = attempts.get(task, 0) + 1
        st.fragment(_retry, run_every=wait_before(error, attempts[task]), key=f"retry-{task}")(
            {"first": True, "said": str(said)}, needs_ready=error.kind in _SEEN_BY_READYZ
        )


def wait_before(error: ApiError, attempt: int) -> float:
    """Seconds until the next try: what the API asked for, else longer each time an error stays."""
    first = _FIRST_WAIT.get(error.kind, 5.0)
    asked = error.retry_after or 0.0
    if error.kind in ("down", "starting", "unserved"):
        return max(first, asked)  # mostly a look at /readyz, which costs nothing
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
            if str(error) != memory["said"]:  # not over, but it goes on: some models may answer by now
                st.rerun()
            st.caption(f"{error.title}; last tried at {time.strftime('%H:%M:%S')}.")
            return
    st.rerun()


def has_changed(entries: Sequence[Json]) -> bool:
    """Whether `/models` says something else by now than these entries."""
    try:
        return fingerprint(client().models()["models"]) != fingerprint(entries)
    except ApiError:  # the notice says so
        return False


def fingerprint(entries: Sequence[Json]) -> list[tuple[Any, ...]]:
    """All of a list of models that a page shows differently when it changes."""
    return [tuple(entry.get(key) for key in ("name", "version", "sha256", "ready", "error")) for entry in entries]
