"""The registered models as the API describes them, asked for at most every few seconds, and the answers kept."""

from collections.abc import Iterable

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.predictions import PredictionCache
from front.api.waiting import client


@st.cache_resource(show_spinner=False)
def prediction_cache() -> PredictionCache:
    """The process's one cache of class maps and scores."""
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


def registered_models() -> list[Json]:
    """The entry of every registered model, ready or not; empty while the API knows of none."""
    entries: list[Json] = _listing()["models"]
    return entries


def all_models() -> list[Json]:
    """The entry of every registered model, of which at least one can answer.

    Raises:
        ApiError: none can answer; with the reason that the API gives.
    """
    entries = registered_models()
    if not ready_models(entries):
        client().ready()
        # Ready since the list was made: the next try finds it.
        raise ApiError("starting", "Its models have just been loaded. This page goes on by itself.")
    return entries


def ready_models(entries: Iterable[Json]) -> list[Json]:
    """Those that can answer."""
    return [entry for entry in entries if entry.get("ready")]


def has_pictures() -> bool:
    """Whether the API has pictures of the images that models were evaluated on."""
    return bool(_listing().get("pictures"))


def stale_seconds() -> float | None:
    """Seconds since MLflow named these models, where it does not answer the API now; None while it does."""
    age: float | None = _listing().get("stale_s")
    return age


def detail_of(entry: Json) -> Json:
    """A model's entry with its card and report."""
    return model_detail(client().base_url, entry["name"], str(entry.get("sha256")))


def taxonomy_of(entry: Json) -> Json:
    """A model's class set."""
    return classes(client().base_url, entry["name"], str(entry.get("sha256")))


def _listing() -> Json:
    """`/models`; an answer that names no model, or not only ready ones, is asked for again by the next run."""
    answer = models(client().base_url)
    if not answer["models"] or not all(entry.get("ready") for entry in answer["models"]):
        models.clear()
    return answer
