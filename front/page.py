"""What every page shares: its head, the models that are away, charts, and the reader's settings."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front.api import waiting
from front.api.client import Json
from front.api.models import registered_models, stale_seconds
from front.ui import charts
from front.ui.names import display_name, duration

_STATUS_HEIGHT = 44  # pixels: a button, or a bar with its text


def colours_of_models() -> dict[str, str]:
    """A model's colour in every chart of every page: by its place among all registered models, ready or not."""
    return charts.model_colours([entry["name"] for entry in registered_models()])


def header(title: str, caption: str) -> None:
    """Title on the left; on the right the API's state and the settings; below what is wrong with the API."""
    waiting.forget_state()
    row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    with row:
        with st.container(width="content", gap=None):
            st.title(title, anchor=False, width="content")
            st.caption(caption, width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            waiting.status_badge()
            with st.popover("Colours", icon=":material/palette:"):
                st.toggle(
                    "Palette for colour blindness",
                    key="safe_palette",
                    persist_state="session",
                    help="Class colours that people with red-green colour blindness can tell apart. "
                    "Downloads keep the model's own colours.",
                )
    waiting.status_notice()


def watch_models(entries: Sequence[Json]) -> None:
    """Say which models do not answer and why, unless the notice does, and run the page again when that changes.

    A list that may be out of date, because MLflow does not answer, is said to be.
    """
    if (age := stale_seconds()) is not None:
        st.caption(
            f":material/history: MLflow does not answer. These are the models of {duration(0, 1000 * age)} ago; they "
            "work as before, and newer versions come when it is back."
        )
    away = [entry for entry in entries if not entry.get("ready")]
    if not away:
        return
    loading = any(entry.get("loading") for entry in away)
    said = waiting.state()[1]
    starting = said is not None and said.kind == "starting"

    def watching(memory: dict[str, bool]) -> None:
        if not memory.pop("first", False) and waiting.has_changed(entries):
            st.rerun()
        for entry in away:
            name = display_name(entry["name"])
            if entry.get("loading") and starting:
                continue
            if entry.get("loading"):
                st.info(f"**{name}** is being loaded. It joins by itself.", icon=":material/hourglass_top:")
            else:
                st.warning(f"**{name}** is not served: {entry['error']}", icon=":material/warning:")

    pace = waiting.WAITING_SECONDS if loading else waiting.STATUS_SECONDS
    st.fragment(watching, run_every=pace, key="models-watch")({"first": True})


def chart(figure: go.Figure, *, key: str, alt: str, on_select: Callable[[], None] | None = None) -> None:
    """Draw a figure as wide as its place; `alt` says what it shows, `on_select` is called when a point is pressed."""
    inked = charts.ink_figure(figure, dark=dark())
    if on_select is None:
        st.plotly_chart(inked, config=charts.CONFIG, key=key, alt=alt)
    else:
        st.plotly_chart(inked, config=charts.CONFIG, key=key, alt=alt, on_select=on_select, selection_mode="points")


def dark() -> bool:
    """Whether the reader's theme is the dark one."""
    return st.context.theme.type == "dark"


def safe_palette() -> bool:
    return bool(st.session_state.get("safe_palette", False))


def status_line() -> DeltaGenerator:
    """The line that says what is going on, always of one height: nothing moves when a message comes or goes."""
    return st.container(
        height=_STATUS_HEIGHT, border=False, horizontal=True, vertical_alignment="center", key="status"
    )
