"""All photos of a session, one after the other: what is going on, how to stop it, and the table of what came out."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front.api import predictions
from front.api.errors import ApiError
from front.api.models import prediction_cache
from front.api.predictions import ModelRef, PredictionCache
from front.api.waiting import client
from front.photos.album import Album, Photo
from front.ui.names import display_name, shorten


def waiting(cache: PredictionCache, photos: Iterable[Photo], refs: Sequence[ModelRef]) -> list[Photo]:
    """Photos for which an answer of a chosen model is missing."""
    return [p for p in photos if len(predictions.cached_answers(cache, p, refs)) < len(refs)]


def run_batch(line: DeltaGenerator, album: Album, refs: Sequence[ModelRef]) -> None:
    """Segment the photos not looked at yet; Cancel keeps what is there. `line` shows how far it is.

    Raises:
        ApiError: a call brought no result, for another reason than its photo.
    """
    refused = refusals(album)
    total = len(album.photos)
    todo = [p for p in waiting(prediction_cache(), album.photos.values(), refs) if p.sha not in refused]
    if todo and st.session_state.get("batch_stopped"):
        with line:
            done = total - len(todo)
            st.caption(f"{done} of {total} photos segmented; the rest was cancelled.", width="content")
            st.button("Continue", icon=":material/play_arrow:", on_click=_set_stopped, args=(False,))
        return
    if todo:
        _segment_all(line, todo, total, refs, refused)
    count = (
        f"All {total} photos are segmented" if not refused else f"{total - len(refused)} of {total} photos segmented"
    )
    line.caption(f"{count}; the table below lists them.")


def _segment_all(
    line: DeltaGenerator, todo: Sequence[Photo], total: int, refs: Sequence[ModelRef], refused: dict[str, str]
) -> None:
    place = line.empty()
    with place.container(horizontal=True, vertical_alignment="center", wrap=False):
        bar = st.progress(0.0)
        st.button(
            "Cancel",
            icon=":material/close:",
            on_click=_set_stopped,
            args=(True,),
            help="The photo that is already sent is finished first.",
        )
        for done, photo in enumerate(todo, total - len(todo)):
            # Said where everybody sees it: pressing Cancel seems to do nothing until the API has answered.
            text = f"{done} of {total}, now {shorten(photo.name, 16)}; Cancel waits for it"
            bar.progress(done / total, text=text)
            try:
                predictions.segment(client(), prediction_cache(), photo, refs)
            except ApiError as error:
                if not error.of_photo:
                    raise
                refused[photo.sha] = error.advice
    place.empty()


def refusals(album: Album) -> dict[str, str]:
    """Why the API refused photos for what they are, by content hash; photos that are gone are forgotten.

    What else it refuses lies in the models that were asked, and is tried anew with others.
    """
    refused: dict[str, str] = st.session_state.setdefault("batch_errors", {})
    for sha in refused.keys() - album.photos.keys():
        del refused[sha]
    return refused


def _set_stopped(stopped: bool) -> None:
    st.session_state["batch_stopped"] = stopped


def show_table(album: Album, refs: Sequence[ModelRef]) -> None:
    """All photos with their class shares."""
    refused = refusals(album)
    rows: list[dict[str, Any]] = []
    for photo in album.photos.values():
        answers = predictions.cached_answers(prediction_cache(), photo, refs)
        if photo.sha in refused:
            rows.append({"Photo": photo.name, "State": refused[photo.sha]})
        for name, s in answers.items():
            shares = {c: 100 * v for c, v in s.class_shares.items()}
            rows.append({"Photo": photo.name, "Model": display_name(name), **shares})
        if not answers and photo.sha not in refused:
            rows.append({"Photo": photo.name, "State": "not segmented yet"})
    table = pd.DataFrame(rows)
    percent = st.column_config.NumberColumn(format="%.1f %%")
    st.subheader("All photos", anchor=False)
    st.dataframe(
        table,
        hide_index=True,
        column_config={c: percent for c in table.columns if c not in ("Photo", "Model", "State")},
        alt="Table of class shares in per cent for every photo and model.",
    )
