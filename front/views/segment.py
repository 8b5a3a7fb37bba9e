"""Segment: photos in, class maps of the chosen models over them."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from front import charts, page, predictions, results
from front.api import ApiError, Json, Segmentation
from front.intake import photo_intake
from front.names import display_name
from front.palette import class_table, model_colours
from front.photos import DISPLAY_SIDE, Album, Photo, PhotoError, album_of, display_size
from front.predictions import ModelRef
from front.viewer import show


def main() -> None:
    page.header("Segment", "What each model sees on your street photo.")
    album = album_of(st.session_state)
    photo_intake(album)
    photo = album.current
    if photo is None:
        return
    with page.guarded("segment"):
        entries = page.ready_models()
        chosen = _choose_models(entries)
        if not chosen:
            st.info("Choose at least one model.", icon=":material/arrow_upward:")
            return
        refs = [ModelRef.of(entry) for entry in chosen]
        batch_slot = st.container()
        answers = _segment(photo, refs)
        if answers is not None:
            _view(photo, chosen, answers)
            _numbers(answers, model_colours([entry["name"] for entry in entries]))
            _downloads(photo, album, refs)
        _batch(batch_slot, album, refs)


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


def _segment(photo: Photo, refs: list[ModelRef]) -> dict[str, Segmentation] | None:
    """Class maps of the photo looked at; None when the API does not accept this one photo."""
    try:
        with st.spinner(f"{photo.name}: waiting for {' and '.join(display_name(r.name) for r in refs)} …"):
            return predictions.segment(page.client(), page.prediction_cache(), photo, refs)
    except ApiError as error:
        if error.passing:
            raise
        st.error(f"**{photo.name}**: {error.advice}", icon=":material/broken_image:")
        return None


def _view(photo: Photo, chosen: list[Json], answers: dict[str, Segmentation]) -> None:
    safe = page.safe_palette()
    try:
        jpeg = results.preview_of(photo.sha, photo, DISPLAY_SIDE)
    except PhotoError as error:
        st.error(str(error), icon=":material/broken_image:")
        return
    show(
        photo_jpeg=jpeg,
        preview_size=display_size(photo.width, photo.height),
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name}, {photo.width} by {photo.height} pixels.",
        layers=[results.layer_of(answers[e["name"]], class_table(page.taxonomy_of(e), safe=safe)) for e in chosen],
        views=["overlay", "layers", "wipe", "pair"],
        key="segment-viewer",
    )


def _numbers(answers: dict[str, Segmentation], colours: dict[str, str]) -> None:
    shares, times = st.columns([3, 2], gap="large")
    with shares:
        st.subheader("Share of the photo", anchor=False)
        st.plotly_chart(
            charts.share_bars({name: s.class_shares for name, s in answers.items()}, colours),
            config=charts.CONFIG,
            key="shares",
            alt="Bars: share of the photo by class. "
            + " ".join(results.describe_shares(display_name(n), s.class_shares) for n, s in answers.items()),
        )
    with times:
        st.subheader("Latency", anchor=False)
        st.plotly_chart(
            charts.latency_bars({name: s.timings_ms for name, s in answers.items()}),
            config=charts.CONFIG,
            key="latency",
            alt="Stacked bars: milliseconds by stage. "
            + " ".join(f"{display_name(n)} {s.worked_ms:.0f} ms." for n, s in answers.items()),
        )
        st.caption("The API's own time for this photo, by stage. Travel over the network is not in it.")


def _batch(slot: "st.delta_generator.DeltaGenerator", album: Album, refs: list[ModelRef]) -> None:
    """Segment the photos not looked at yet, one after the other; Cancel keeps what is there."""
    if len(album.photos) < 2:
        return
    cache = page.prediction_cache()
    refused: dict[str, str] = st.session_state.setdefault("batch_errors", {})
    todo = [p for p in results.waiting(cache, album.photos.values(), refs) if p.sha not in refused]
    done = len(album.photos) - len(todo)
    with slot:
        if todo and st.session_state.get("batch_stopped"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(
                    f"{done} of {len(album.photos)} photos segmented; the rest was cancelled.", width="content"
                )
                st.button("Continue", icon=":material/play_arrow:", on_click=_set_stopped, args=(False,))
        elif todo:
            place = st.empty()
            with place.container(horizontal=True, vertical_alignment="center"):
                bar = st.progress(done / len(album.photos), text=f"{done} of {len(album.photos)} photos")
                st.button("Cancel", icon=":material/close:", on_click=_set_stopped, args=(True,))
            for i, photo in enumerate(todo):
                count = f"{done + i} of {len(album.photos)} photos segmented, now {photo.name}"
                bar.progress((done + i) / len(album.photos), text=count)
                try:
                    predictions.segment(page.client(), cache, photo, refs)
                except ApiError as error:
                    if error.passing:
                        raise
                    refused[photo.sha] = error.advice
            place.empty()
    _table(album, refs, refused)


def _set_stopped(stopped: bool) -> None:
    st.session_state["batch_stopped"] = stopped


def _table(album: Album, refs: list[ModelRef], refused: dict[str, str]) -> None:
    """All photos with their class shares."""
    rows: list[dict[str, Any]] = []
    for photo in album.photos.values():
        answers = predictions.cached(page.prediction_cache(), photo, refs)
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


def _downloads(photo: Photo, album: Album, refs: list[ModelRef]) -> None:
    st.subheader("Take it with you", anchor=False)
    opacity = st.slider(
        "Opacity of downloaded overlays",
        0,
        100,
        60,
        format="%d %%",
        key="download_opacity",
        persist_state="session",
        width=320,
    )
    client = page.client()
    with st.container(horizontal=True):
        for ref in refs:
            title = display_name(ref.name)
            st.download_button(
                f"{title} mask",
                partial(client.predict_png, photo.data, model=ref.name, output="mask"),
                f"{photo.stem}_{ref.name}_mask.png",
                "image/png",
                key=f"mask-{ref.name}",
                on_click="ignore",
                icon=":material/download:",
                help="Palette PNG in the photo's own size, as the API sends it.",
            )
            st.download_button(
                f"{title} overlay",
                partial(client.predict_png, photo.data, model=ref.name, output="overlay", opacity=opacity / 100),
                f"{photo.stem}_{ref.name}_overlay.png",
                "image/png",
                key=f"overlay-{ref.name}",
                on_click="ignore",
                icon=":material/download:",
                help="The photo in its own size under the class colours.",
            )
        _archive(album, refs, opacity / 100)


def _archive(album: Album, refs: list[ModelRef], opacity: float) -> None:
    """Zip of everything: made on request, because it asks the API for every mask and overlay."""
    key = (tuple(album.photos), tuple(refs), opacity)
    ready = st.session_state.get("archive")
    if ready is not None and ready[0] == key:
        st.download_button(
            f"Save the zip, {len(ready[1]) / 1e6:.1f} MB",
            ready[1],
            "streetseg.zip",
            "application/zip",
            type="primary",
            on_click="ignore",
            icon=":material/folder_zip:",
        )
        return
    count = len(album.photos)
    label = "Make a zip of everything" if count == 1 else f"Make a zip of all {count} photos"
    if not st.button(
        label,
        icon=":material/folder_zip:",
        help="Masks, class maps and overlays (as JPEG) of every photo and chosen model, with a CSV of class shares.",
    ):
        return
    st.session_state.pop("archive", None)
    bar = st.progress(0.0, text="Making the zip")
    st.button("Cancel", icon=":material/close:", key="cancel-zip")

    def show_progress(done: int, total: int, name: str) -> None:
        bar.progress(done / total, text=f"Making the zip: {done} of {total}, now {name}")

    refused = st.session_state.get("batch_errors", {})
    photos = [photo for photo in album.photos.values() if photo.sha not in refused]
    data = results.build_archive(page.client(), page.prediction_cache(), photos, refs, opacity, show_progress)
    st.session_state["archive"] = (key, data)
    st.rerun()


main()
