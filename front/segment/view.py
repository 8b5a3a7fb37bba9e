"""Segment: photos in, class maps of the chosen models over them."""

from contextlib import nullcontext

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front import page
from front.api import predictions
from front.api.client import Json
from front.api.comparison import Segmentation
from front.api.errors import ApiError
from front.api.models import all_models, prediction_cache, ready_models, taxonomy_of
from front.api.predictions import ModelRef
from front.api.waiting import client, guard
from front.page import status_line
from front.photos.add import photo_intake
from front.photos.album import Album, Photo
from front.photos.picture import DISPLAY_SIDE, PhotoError, display_size
from front.segment.batch import run_batch, show_table
from front.segment.confidence import confidences, sureness_of, wanted
from front.segment.downloads import downloads
from front.ui import charts
from front.ui.names import as_text, display_name
from front.ui.palette import class_table
from front.viewer.canvas import describe_shares, show
from front.viewer.layers import layer_of, preview_of


def main() -> None:
    page.header("Segment", "What each model sees on your street photo.")
    album: Album = st.session_state["album"]
    photo_intake(album)
    photo = album.current
    if photo is None:
        return
    with guard("segment"):
        entries = all_models()
        page.watch_models(entries)
        chosen = _choose_models(ready_models(entries))
        if not chosen:
            st.info("Choose at least one model.", icon=":material/arrow_upward:")
            return
        refs = [ModelRef.of(entry) for entry in chosen]
        line = status_line()
        answers = _segment(line, album, photo, refs)
        if answers is not None:
            _view(line, photo, chosen, answers)
            _numbers(answers, page.colours_of_models())
            downloads(photo, album, answers, {entry["name"]: taxonomy_of(entry) for entry in chosen})
        if len(album.photos) > 1:
            run_batch(line, album, refs)
            show_table(album, refs)
        elif answers is not None:
            line.caption(f"Segmented by {' and '.join(map(display_name, answers))}.")


def _choose_models(entries: list[Json]) -> list[Json]:
    by_name = {entry["name"]: entry for entry in entries}
    kept = [name for name in st.session_state.get("models", list(by_name)[:2]) if name in by_name]
    st.session_state["models"] = kept
    chosen = st.pills(
        "Models",
        list(by_name),
        selection_mode="multi",
        format_func=display_name,
        key="models",
        persist_state="session",
    )
    return [entry for name, entry in by_name.items() if name in chosen]


def _segment(
    line: DeltaGenerator, album: Album, photo: Photo, refs: list[ModelRef]
) -> dict[str, Segmentation] | None:
    """Class maps of the photo looked at; None when the API does not accept this one photo."""
    refused = album.refused.get(photo.sha)
    if refused is None:
        try:
            with line, st.spinner(f"Waiting for {' and '.join(display_name(r.name) for r in refs)} …"):
                return predictions.segment(client(), prediction_cache(), photo, refs)
        except ApiError as error:
            if not error.of_photo:
                raise
            album.refuse(photo, error.advice)
            refused = error.advice
    st.error(f"**{as_text(photo.name)}** was refused: {refused}", icon=":material/broken_image:")
    return None


def _view(line: DeltaGenerator, photo: Photo, chosen: list[Json], answers: dict[str, Segmentation]) -> None:
    safe = page.safe_palette()
    try:
        jpeg = preview_of(photo.sha, photo, DISPLAY_SIDE)
    except PhotoError as error:
        st.error(str(error), icon=":material/broken_image:")
        return
    sure: dict[str, bytes] = {}
    try:
        with line, st.spinner("Asking how sure the models are …") if wanted() else nullcontext():
            sure = confidences(client(), prediction_cache(), photo, answers)
    except ApiError as error:
        if error.passing:
            raise
        st.warning(f"How sure the models are is not known: {error.advice}", icon=":material/help:")
    show(
        photo_jpeg=jpeg,
        preview_size=display_size(photo.width, photo.height),
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name}, {photo.width} by {photo.height} pixels.",
        layers=[
            layer_of(answers[e["name"]], class_table(taxonomy_of(e), safe=safe), sure.get(e["name"])) for e in chosen
        ],
        views=["overlay", "layers", "wipe", "pair", "sure"],
        key="segment-viewer",
        sureness=sureness_of(chosen),
    )


def _numbers(answers: dict[str, Segmentation], colours: dict[str, str]) -> None:
    shares, times = st.columns([3, 2], gap="medium")
    with shares:
        st.subheader("Share of the photo", anchor=False)
        page.chart(
            charts.class_bars({name: s.class_shares for name, s in answers.items()}, colours),
            key="shares",
            alt="Bars: share of the photo by class. "
            + " ".join(describe_shares(display_name(n), s.class_shares) for n, s in answers.items()),
        )
    with times:
        st.subheader("Latency", anchor=False)
        page.chart(
            charts.latency_bars({name: s.timings_ms for name, s in answers.items()}),
            key="latency",
            alt="Stacked bars: milliseconds by stage. "
            + " ".join(f"{display_name(n)} {s.worked_ms:.0f} ms." for n, s in answers.items()),
        )
        st.caption("The API's own time for this photo, by stage. Travel over the network is not in it.")


main()
