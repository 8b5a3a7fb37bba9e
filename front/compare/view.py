"""Compare: where two models see the same street differently, and who is right when a label says so."""

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front import page
from front.api import predictions
from front.api.client import Json
from front.api.comparison import AgainstLabel, Agreement, Segmentation, side_by_side
from front.api.errors import ApiError
from front.api.models import all_models, detail_of, prediction_cache, ready_models, taxonomy_of
from front.api.predictions import ModelRef
from front.api.waiting import client, guard
from front.compare.against_label import show_judgement
from front.page import status_line
from front.photos.add import photo_intake
from front.photos.add_label import label_intake
from front.photos.album import Album, Photo
from front.photos.label_files import LabelFile, in_plain_words
from front.photos.picture import DISPLAY_SIDE, display_size
from front.photos.share import linking_of, refs_of, share_box
from front.report.button import report_button
from front.report.document import Judged, Reported
from front.report.swaps import largest_swaps
from front.ui import charts
from front.ui.names import as_text, display_name
from front.ui.palette import class_table
from front.viewer.canvas import Layer, show
from front.viewer.corrections import corrected_by, kept_of, save_corrected
from front.viewer.layers import layer_of, preview_of
from front.viewer.truth import truth_layer
from front.viewer.unfamiliar import warn_where_unfamiliar


def main() -> None:
    page.header("Compare", "Two models, one photo: where they differ, and which is right.")
    album: Album = st.session_state["album"]
    photo_intake(album)
    photo = album.current
    if photo is None:
        return
    with guard("compare"):
        registered = all_models()
        page.watch_models(registered)
        entries = ready_models(registered)
        if len(entries) < 2:
            st.info("One model is served; it takes two to compare.", icon=":material/compare:")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = _choose(entries)
            kind = label_intake(album, photo, [entry["taxonomy"] for entry in chosen])
            a, b = refs_of(album, photo, chosen)
            share_box(album, photo, (a, b), kind)
        label = album.labels.get(photo.sha) if kind is not None else None
        refs = (a, b)
        found = _ask(status_line(), photo, refs, label, kind or "")
        if found is None:
            return
        classes = [class_table(taxonomy_of(entry), safe=page.safe_palette()) for entry in chosen]
        cards = [detail_of(entry)["card"] for entry in chosen]
    answers, agreement, judged = found
    names = tuple([str(c["name"]) for c in table] for table in classes)
    scores = (judged.scores[refs[0].name], judged.scores[refs[1].name]) if judged is not None else None
    shown = side_by_side(*scores) if scores is not None else None
    titles = (display_name(chosen[0]["name"]), display_name(chosen[1]["name"]))
    _headline(agreement, titles, [score.miou for score in shown] if shown is not None else None)
    _say_classes(chosen, agreement.counted_in, scores is not None and shown is None)
    truth = None
    if label is not None and judged is not None:
        truth = truth_layer(photo, label, judged, chosen[0]["taxonomy"], classes[0])
    _viewer(album, photo, answers, classes, truth)
    warn_where_unfamiliar(answers)
    save_corrected(album, photo, {one.model: one for one in answers})
    models = [Reported(*one) for one in zip(answers, classes, cards, strict=True)]
    comparable = Judged(label.name, shown) if label is not None and shown is not None else None
    with st.container(horizontal=True):
        _save_differences(photo, agreement)
        report_button(photo, models, agreement, comparable)
    _swaps(agreement, titles, names)
    if label is not None and kind is not None and judged is not None:
        show_judgement(photo, label, kind, titles, names, refs, judged)


def _choose(entries: list[Json]) -> tuple[Json, Json]:
    by_name = {entry["name"]: entry for entry in entries}
    names = list(by_name)
    a = st.selectbox("Model A", names, 0, format_func=display_name, key="model_a", persist_state="session", width=220)
    rest = [name for name in names if name != a]
    if st.session_state.get("model_b") not in rest:
        st.session_state["model_b"] = rest[0]
    b = st.selectbox("Model B", rest, format_func=display_name, key="model_b", persist_state="session", width=220)
    return by_name[a], by_name[b]


def _ask(
    line: DeltaGenerator, photo: Photo, refs: tuple[ModelRef, ModelRef], label: LabelFile | None, kind: str
) -> tuple[tuple[Segmentation, Segmentation], Agreement, AgainstLabel | None] | None:
    """Both models' answers, A first, how they agree, and both against the label where it is of use; None when the
    photo is refused.
    """
    api, cache = client(), prediction_cache()
    judged: AgainstLabel | None = None
    refusal: ApiError | None = None
    try:
        with line, st.spinner("Waiting for both models …"):
            if label is not None:
                try:
                    judged = predictions.against_label(api, cache, photo, refs, label, kind)
                except ApiError as error:
                    if error.passing:
                        raise
                    refusal = error
            a, b, agreement = predictions.compare(api, cache, photo, *refs)
    except ApiError as error:
        if not error.of_photo:
            raise
        st.error(f"**{as_text(photo.name)}** was refused: {error.advice}", icon=":material/broken_image:")
        return None
    if refusal is not None and label is not None:
        st.error(
            f"**{as_text(label.name)}** is not compared with: {in_plain_words(refusal.advice)}",
            icon=":material/label_off:",
        )
    line.caption("  ·  ".join(f"{display_name(answer.model)} {answer.worked_ms:.0f} ms" for answer in (a, b)))
    return (a, b), agreement, judged


def _headline(agreement: Agreement, titles: tuple[str, str], mious: list[float | None] | None) -> None:
    with st.container(horizontal=True):
        _metric("Same class", _percent(agreement.share))
        _metric("Different class", _percent(1 - agreement.share))
        if mious is not None:
            a, b = mious
            _metric(f"mIoU, {titles[0]}", _percent(a))
            _metric(f"mIoU, {titles[1]}", _percent(b))
            _metric("B − A", "—" if a is None or b is None else f"{100 * (b - a):+.1f} points")


def _say_classes(chosen: tuple[Json, Json], common: str | None, apart: bool) -> None:
    """Of models with different classes, in which ones they are compared."""
    sets = [taxonomy_of(entry) for entry in chosen]
    if [c["name"] for c in sets[0]["classes"]] == [c["name"] for c in sets[1]["classes"]]:
        return
    if apart:
        st.caption("Neither model's classes group the other's, so their scores are not set side by side.")
    elif common is not None:
        st.caption(f"The models' classes differ ({sets[0]['id']}, {sets[1]['id']}): both are counted in {common}.")
    else:
        st.caption(f"The models' classes differ ({sets[0]['id']}, {sets[1]['id']}): compared by their names.")


def _metric(label: str, value: str) -> None:
    st.metric(label, value, border=True, width="content")  # as wide as its text: no model name is cut


def _viewer(
    album: Album,
    photo: Photo,
    answers: tuple[Segmentation, Segmentation],
    classes: list[list[dict[str, Any]]],
    truth: Layer | None,
) -> None:
    layers = [layer_of(s, c, kept=kept_of(album, photo, s)) for s, c in zip(answers, classes, strict=True)]
    known = {s.model: len(c) for s, c in zip(answers, classes, strict=True)}
    show(
        photo_jpeg=preview_of(photo.sha, photo, DISPLAY_SIDE),
        preview_size=display_size(photo.width, photo.height),
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name}, {photo.width} by {photo.height} pixels.",
        layers=layers if truth is None else [*layers, truth],
        views=["pair", "overlay", "wipe", "layers", "errors"],
        key="compare-viewer",
        linking=linking_of(album, photo),
        corrected=corrected_by(album, photo, {one.model: one for one in answers}, known),
    )


def _save_differences(photo: Photo, agreement: Agreement) -> None:
    st.download_button(
        "Save the map of differences",
        agreement.map_png,
        f"{photo.stem}_differences.png",
        "image/png",
        on_click="ignore",
        icon=":material/download:",
        help="Grey PNG in the photo's own size: white where the models give different classes.",
    )


def _swaps(agreement: Agreement, titles: tuple[str, str], names: tuple[list[str], ...]) -> None:
    """Which class of A is which class of B where they differ."""
    swaps = largest_swaps(agreement.matrix, names[0], names[1])
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.subheader("Which class turns into which", anchor=False)
        page.chart(
            charts.confusion_heatmap(
                agreement.matrix, *names, rows=titles[0], columns=titles[1], dark=page.dark(), only_changes=True
            ),
            key="swaps",
            alt=f"Of each class that {titles[0]} sees, the per cent that {titles[1]} sees as another class.",
        )
        st.caption(
            f"Of what {titles[0]} gives the class on the left, the per cent that {titles[1]} gives the class below. "
            "Where both agree the field is empty."
        )
    with right:
        st.subheader("The largest differences", anchor=False)
        if not swaps:
            st.success("Both models give every pixel the same class.", icon=":material/check_circle:")
            return
        st.dataframe(
            pd.DataFrame(swaps, columns=[titles[0], titles[1], "Of the photo"]),
            hide_index=True,
            column_config={"Of the photo": st.column_config.NumberColumn(format="%.2f %%")},
            alt="Table of the class pairs that cover most of the difference.",
        )


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f} %"


main()
