"""The film of a clip that is being worked on: what is done so far, played while the rest is made."""

from collections.abc import Mapping

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client
from front.ui.names import display_name
from front.video import films, player

# All visitors who watch share the cache of films; a film that is made anew each time must not fill it.
_MOST_BYTES = 24 << 20
_WATCHED = "growing"  # of the session: by job, how many frames were done when its film was fetched


def offer_growing(job: Json) -> bool:
    """Offer to play what is done of a job, and play it where that was pressed; whether it is played."""
    path = job["files"].get("growing")
    frames = _watched().get(job["id"])
    film = None if frames is None else films.film_cache().get(_key(job["id"], frames))
    if path is not None:
        st.button(
            "Play what is done so far" if film is None else "Go on to what is done by now",
            icon=":material/play_circle:",
            key=f"growing-{job['id']}",
            on_click=_fetch,
            args=(job["id"], path, int(job["frames"])),
            disabled=film is not None and frames is not None and frames >= job["frames"],
        )
    if problem := st.session_state.pop(f"growing-problem-{job['id']}", None):
        st.caption(problem)
    if film is None:
        return False
    title = display_name(job["model"])
    url = films.address_of(film, f"growing-{job['id']}")
    player.show([player.Film(title, url, "H.264")], [], [], key=f"growing-player-{job['id']}", goes_on=True)
    st.caption(f"The first {frames} frames, without sound. The finished film comes by itself.")
    return True


def forget_growing() -> None:
    """No film that is being made is watched any more."""
    st.session_state.pop(_WATCHED, None)


def _watched() -> Mapping[str, int]:
    return st.session_state.get(_WATCHED, {})  # type: ignore[no-any-return]


def _key(name: str, frames: int) -> tuple[str, str, str, int]:
    return ("growing", client().base_url, name, frames)


def _fetch(name: str, path: str, frames: int) -> None:
    try:
        film = client().job_file(path, most_bytes=_MOST_BYTES)
    except ApiError as error:
        gone = "It has just been finished." if error.status == 404 else error.advice_for_a_press
        st.session_state[f"growing-problem-{name}"] = gone
        return
    if not film:
        st.session_state[f"growing-problem-{name}"] = "The first seconds are not done yet; try again in a moment."
        return
    films.film_cache().put(_key(name, frames), film)
    st.session_state[_WATCHED] = {**_watched(), name: frames}
