"""Segment: photos in, class maps of the chosen models over them."""

from contextlib import nullcontext

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front import page
from front.api import predictions
from front.api.client import Json
from front.api.comparison import AgainstLabel, Segmentation
from front.api.errors import ApiError
from front.api.models import all_models, detail_of, prediction_cache, ready_models, taxonomy_of
from front.api.predictions import ModelRef
from front.api.waiting import client, guard
from front.page import status_line
from front.photos.add import photo_intake
from front.photos.add_label import label_intake
from front.photos.album import Album, Photo
from front.photos.label_files import in_plain_words
from front.photos.picture import DISPLAY_SIDE, PhotoError, display_size
from front.photos.share import linking_of, refs_of, share_box
from front.report.document import Reported
from front.segment.batch import run_batch, show_table
from front.segment.confidence import confidences, sureness_of, wanted
from front.segment.downloads import downloads
from front.ui import charts
from front.ui.names import as_text, display_name
from front.ui.palette import class_table
from front.viewer.canvas import describe_shares, show
from front.viewer.corrections import corrected_by, kept_of, save_corrected
from front.viewer.layers import layer_of, preview_of
from front.viewer.truth import note_of, truth_layer
from front.viewer.unfamiliar import warn_where_unfamiliar


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
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = _choose_models(ready_models(entries))
            if not chosen:
                st.info("Choose at least one model.", icon=":material/arrow_upward:")
                return
            kind = label_intake(album, photo, [entry["taxonomy"] for entry in chosen])
            shown = refs_of(album, photo, chosen)
            share_box(album, photo, shown, kind)
        refs = [ModelRef.of(entry) for entry in chosen]
        line = status_line()
        judged = _judge(line, album, photo, shown, kind)
        answers = _segment(line, album, photo, shown)
        if answers is not None:
            _view(line, album, photo, chosen, answers, judged)
            warn_where_unfamiliar(answers.values())
            save_corrected(album, photo, answers)
            _numbers(answers, page.colours_of_models())
            downloads(photo, album, answers, {e["name"]: taxonomy_of(e) for e in chosen}, _reported(chosen, answers))
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


def _judge(
    line: DeltaGenerator, album: Album, photo: Photo, refs: list[ModelRef], kind: str | None
) -> AgainstLabel | None:
    """The models against the photo's label, which brings their class maps too; None without one that is of use."""
    label = album.labels.get(photo.sha)
    if label is None or kind is None or photo.sha in album.refused:
        return None
    try:
        with line, st.spinner("Waiting for the models …"):
            return predictions.against_label(client(), prediction_cache(), photo, refs, label, kind)
    except ApiError as error:
        if error.passing:
            raise
        said = in_plain_words(error.advice)
    st.error(f"**{as_text(label.name)}** is not compared with: {said}", icon=":material/label_off:")
    return None


def _view(
    line: DeltaGenerator,
    album: Album,
    photo: Photo,
    chosen: list[Json],
    answers: dict[str, Segmentation],
    judged: AgainstLabel | None,
) -> None:
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
    tables = {e["name"]: class_table(taxonomy_of(e), safe=safe) for e in chosen}
    layers = [
        layer_of(one, tables[name], sure.get(name), note=note_of(judged, name), kept=kept_of(album, photo, one))
        for name, one in answers.items()
    ]
    label = album.labels.get(photo.sha)
    if label is not None and judged is not None:
        truth = truth_layer(photo, label, judged, chosen[0]["taxonomy"], tables[chosen[0]["name"]])
        layers += [] if truth is None else [truth]
    show(
        photo_jpeg=jpeg,
        preview_size=display_size(photo.width, photo.height),
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name}, {photo.width} by {photo.height} pixels.",
        layers=layers,
        views=["overlay", "layers", "wipe", "pair", "errors", "sure"],
        key="segment-viewer",
        sureness=sureness_of(chosen),
        linking=linking_of(album, photo),
        corrected=corrected_by(album, photo, answers, {name: len(table) for name, table in tables.items()}),
    )


def _reported(chosen: list[Json], answers: dict[str, Segmentation]) -> list[Reported]:
    safe = page.safe_palette()
    return [
        Reported(answers[e["name"]], class_table(taxonomy_of(e), safe=safe), detail_of(e)["card"]) for e in chosen
    ]


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
