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
from front.photos.memory import give_back_freed
from front.ui.names import as_text, display_name, shorten

_STATE = "State"  # a column that is there while any photo has no numbers


def waiting(cache: PredictionCache, photos: Iterable[Photo], refs: Sequence[ModelRef]) -> list[Photo]:
    """Photos for which an answer of a chosen model is missing."""
    return [p for p in photos if len(predictions.cached_answers(cache, p, refs)) < len(refs)]


def run_batch(line: DeltaGenerator, album: Album, refs: Sequence[ModelRef]) -> None:
    """Segment the photos not looked at yet; Cancel keeps what is there. `line` shows how far it is.

    Raises:
        ApiError: a call brought no result, for another reason than its photo.
    """
    total = len(album.photos)
    todo = [p for p in waiting(prediction_cache(), list(album.photos.values()), refs) if p.sha not in album.refused]
    if todo and album.batch_stopped:
        with line:
            done = total - len(todo)
            st.caption(f"{done} of {total} photos segmented; the rest was cancelled.", width="content")
            st.button("Continue", icon=":material/play_arrow:", on_click=_set_stopped, args=(album, False))
        return
    if todo:
        _segment_all(line, todo, album, refs)
        give_back_freed()
    count = (
        f"All {total} photos are segmented"
        if not album.refused
        else f"{total - len(album.refused)} of {total} photos segmented"
    )
    line.caption(f"{count}; the table below lists them.")


def _segment_all(line: DeltaGenerator, todo: Sequence[Photo], album: Album, refs: Sequence[ModelRef]) -> None:
    total = len(album.photos)
    place = line.empty()
    with place.container(horizontal=True, vertical_alignment="center", wrap=False):
        bar = st.progress(0.0)
        st.button(
            "Cancel",
            icon=":material/close:",
            on_click=_set_stopped,
            args=(album, True),
            help="The photo that is already sent is finished first.",
        )
        for done, photo in enumerate(todo, total - len(todo)):
            # Said where everybody sees it: pressing Cancel seems to do nothing until the API has answered.
            text = f"{done} of {total}, now {as_text(shorten(photo.name, 16))}; Cancel waits for it"
            bar.progress(done / total, text=text)
            try:
                predictions.segment(client(), prediction_cache(), photo, refs)
            except ApiError as error:
                if not error.of_photo:
                    raise
                album.refuse(photo, error.advice)
    place.empty()


def _set_stopped(album: Album, stopped: bool) -> None:
    album.batch_stopped = stopped


def show_table(album: Album, refs: Sequence[ModelRef]) -> None:
    """All photos with their class shares, and below why some have none."""
    rows: list[dict[str, Any]] = []
    for photo in list(album.photos.values()):
        answers = predictions.cached_answers(prediction_cache(), photo, refs)
        refused = photo.sha in album.refused
        for ref in refs:
            answer = answers.get(ref.name)
            row = {"Photo": photo.name, "Model": display_name(ref.name)}
            if answer is not None and not refused:
                rows.append(row | {c: 100 * v for c, v in answer.class_shares.items()})
            else:
                rows.append(row | {_STATE: "refused" if refused else "not segmented yet"})
    table = pd.DataFrame(rows)
    if _STATE in table:
        table[_STATE] = table[_STATE].fillna("segmented")
        table = table[["Photo", "Model", _STATE, *(c for c in table if c not in ("Photo", "Model", _STATE))]]
    percent = st.column_config.NumberColumn(format="%.1f %%")
    st.subheader("All photos", anchor=False)
    st.dataframe(
        table,
        hide_index=True,
        column_config={c: percent for c in table.columns if c not in ("Photo", "Model", _STATE)},
        placeholder="—",
        alt="Table of class shares in per cent for every photo and model.",
    )
    for photo in list(album.photos.values()):
        reason = album.refused.get(photo.sha)
        if reason is None or photo.sha == album.selected:  # said above, where it would be shown
            continue
        st.error(f"**{as_text(photo.name)}** was refused: {reason}", icon=":material/broken_image:")
