"""What every page shares: its head, what is known of the models, and the reader's settings."""

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front.api import waiting
from front.api.client import Json
from front.api.errors import ApiError
from front.api.predictions import PredictionCache
from front.api.waiting import client, guarded, problem
from front.ui import charts

__all__ = ["client", "guarded", "problem"]

_STATUS_HEIGHT = 44  # pixels: a button, or a bar with its text


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
    """Every registered model's entry; says which cannot answer and why, and takes them up when they can.

    Raises:
        ApiError: none can answer; with the reason that the API gives.
    """
    entries = _listed()
    if not any(entry.get("ready") for entry in entries):
        client().ready()
        # Ready since the list was made: the next try finds it.
        raise ApiError("starting", "Its models have just been loaded. This page goes on by itself.")
    waiting.watch(entries)
    return entries


def ready_models() -> list[Json]:
    """The entries that can answer.

    Raises:
        ApiError: there is none; with the reason that the API gives.
    """
    return [entry for entry in all_models() if entry.get("ready")]


def colours_of_models() -> dict[str, str]:
    """A model's colour in every chart of every page: by its place among all registered models, ready or not."""
    return charts.model_colours([entry["name"] for entry in _listed()])


def _listed() -> list[Json]:
    entries: list[Json] = _listing()["models"]
    return entries


def _listing() -> Json:
    """`/models`; an answer that names no model, or not only ready ones, is asked for again by the next run."""
    answer = models(client().base_url)
    if not answer["models"] or not all(entry.get("ready") for entry in answer["models"]):
        models.clear()
    return answer


def has_pictures() -> bool:
    """Whether the API has pictures of the images that models were evaluated on."""
    return bool(_listing().get("pictures"))


def detail_of(entry: Json) -> Json:
    return model_detail(client().base_url, entry["name"], str(entry.get("sha256")))


def taxonomy_of(entry: Json) -> Json:
    return classes(client().base_url, entry["name"], str(entry.get("sha256")))


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


def chart(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure as wide as its place; `alt` says what it shows."""
    st.plotly_chart(charts.inked(figure, dark=dark()), config=charts.CONFIG, key=key, alt=alt)


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
