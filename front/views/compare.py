"""Compare: where two models see the same street differently, and who is right when a label says so."""

import base64
import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from front import charts, outcomes, page, predictions, results
from front.api import ApiError, Comparison, Json
from front.intake import photo_intake
from front.names import display_name
from front.palette import class_table
from front.photos import DISPLAY_SIDE, Photo, album_of, display_size
from front.predictions import ModelRef
from front.viewer import Layer, show

_LABELS = {
    "street8": "street8 ids",
    "cityscapes_label_ids": "Cityscapes labelIds",
    "cityscapes19": "Cityscapes trainIds",
    "cityscapes7": "Cityscapes categories",
    "camvid11": "CamVid, 11 classes",
}


def main() -> None:
    page.header("Compare", "Two models, one photo: where they part, and who is right.")
    album = album_of(st.session_state)
    photo_intake(album)
    photo = album.current
    if photo is None:
        return
    with page.guarded("compare"):
        entries = page.ready_models()
        if len(entries) < 2:
            st.info("One model is served; it takes two to compare.", icon=":material/compare:")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            a, b = _choose(entries)
            label = _label(photo)
        answer = _ask(photo, [ModelRef.of(a), ModelRef.of(b)], label)
        if answer is None:
            return
        classes = [class_table(page.taxonomy_of(e), safe=page.safe_palette()) for e in (a, b)]
    titles = (display_name(a["name"]), display_name(b["name"]))
    _headline(answer, titles)
    _viewer(photo, answer, classes)
    _swaps(answer, titles, classes, photo)
    if answer.label is not None:
        _against_label(photo, answer, titles)


def _choose(entries: list[Json]) -> tuple[Json, Json]:
    by_name = {entry["name"]: entry for entry in entries}
    names = list(by_name)
    a = st.selectbox("Model A", names, 0, format_func=display_name, key="model_a", persist_state="session", width=220)
    rest = [name for name in names if name != a]
    if st.session_state.get("model_b") not in rest:
        st.session_state["model_b"] = rest[0]
    b = st.selectbox("Model B", rest, format_func=display_name, key="model_b", persist_state="session", width=220)
    return by_name[a], by_name[b]


def _label(photo: Photo) -> tuple[str, bytes, str] | None:
    """The label file given for this photo: (content hash, PNG bytes, taxonomy)."""
    kept: dict[str, tuple[str, bytes, str]] = st.session_state.setdefault("labels", {})
    with st.popover("Label file", icon=":material/label:"):
        taxonomy = st.selectbox(
            "Its values are",
            list(_LABELS),
            format_func=_LABELS.__getitem__,
            key="label_taxonomy",
            persist_state="session",
        )
        file = st.file_uploader(
            f"True classes of {photo.name}, one grey value a pixel",
            type=["png"],
            key=f"label-{photo.sha[:12]}",
            help="A grey PNG of the photo's size whose values are class ids.",
        )
        if file is not None:
            data = file.getvalue()
            kept[photo.sha] = (hashlib.sha256(data).hexdigest(), data, file.name)
        if photo.sha in kept:
            st.caption(f"{kept[photo.sha][2]} is the truth for {photo.name}.")
            if st.button("Remove the label", icon=":material/delete:"):
                del kept[photo.sha]
    if photo.sha not in kept:
        return None
    digest, data, _ = kept[photo.sha]
    return digest, data, taxonomy


def _ask(photo: Photo, refs: list[ModelRef], label: tuple[str, bytes, str] | None) -> Comparison | None:
    try:
        with st.spinner(f"{photo.name}: waiting for both models …"):
            return predictions.compare(page.client(), page.prediction_cache(), photo, refs, label)
    except ApiError as error:
        if error.passing:
            raise
        st.error(f"**{photo.name}**: {error.advice}", icon=":material/broken_image:")
        return None


def _headline(answer: Comparison, titles: tuple[str, str]) -> None:
    agreement = answer.pairs[0]["pixel_agreement"]
    with st.container(horizontal=True):
        st.metric("Same class", f"{100 * agreement:.1f} %", border=True, width=170)
        st.metric("Different class", f"{100 * (1 - agreement):.1f} %", border=True, width=170)
        if answer.label is not None:
            scores = [answer.label["models"][s.model] for s in answer.segmentations]
            difference = 100 * ((scores[1]["miou"] or 0) - (scores[0]["miou"] or 0))
            st.metric(f"mIoU, {titles[0]}", _percent(scores[0]["miou"]), border=True, width=210)
            st.metric(f"mIoU, {titles[1]}", _percent(scores[1]["miou"]), border=True, width=210)
            st.metric("B less A", f"{difference:+.1f} points", border=True, width=170)


def _viewer(photo: Photo, answer: Comparison, classes: list[list[dict[str, Any]]]) -> None:
    show(
        photo_jpeg=results.preview_of(photo.sha, photo, DISPLAY_SIDE),
        preview_size=display_size(photo.width, photo.height),
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name}, {photo.width} by {photo.height} pixels.",
        layers=[results.layer_of(s, c) for s, c in zip(answer.segmentations, classes, strict=True)],
        views=["pair", "overlay", "wipe", "layers"],
        key="compare-viewer",
    )
    if answer.disagreement_png is not None:
        st.download_button(
            "Save the map of differences",
            answer.disagreement_png,
            f"{photo.stem}_differences.png",
            "image/png",
            on_click="ignore",
            icon=":material/download:",
            help="Grey PNG in the photo's own size: white where the models give different classes.",
        )


def _swaps(answer: Comparison, titles: tuple[str, str], classes: list[list[dict[str, Any]]], photo: Photo) -> None:
    """Which class of A is which class of B where they differ."""
    matrix = answer.pairs[0]["confusion_matrix"]
    names = [[c["name"] for c in table] for table in classes]
    swaps = outcomes.largest_swaps(matrix, names[0], names[1])
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Which class turns into which", anchor=False)
        st.plotly_chart(
            charts.confusion_heatmap(
                matrix, *names, rows=titles[0], columns=titles[1], dark=page.dark(), only_changes=True
            ),
            config=charts.CONFIG,
            key="swaps",
            alt=f"Of each class that {titles[0]} sees, the per cent that {titles[1]} sees as another class.",
        )
        st.caption(f"Per cent of what {titles[0]} gives a class; agreement is left out.")
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


def _against_label(photo: Photo, answer: Comparison, titles: tuple[str, str]) -> None:
    assert answer.label is not None
    scores = [answer.label["models"][s.model] for s in answer.segmentations]
    st.subheader("Against the label", anchor=False)
    size = display_size(photo.width, photo.height)
    errors = [base64.b64decode(s["errors"]["base64"]) for s in scores]
    outcome = outcomes.outcome_map(errors[0], errors[1], size)
    shares = outcomes.outcome_shares(outcome, titles)
    show(
        photo_jpeg=results.preview_of(photo.sha, photo, DISPLAY_SIDE),
        preview_size=size,
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name} with both models' errors.",
        layers=[
            Layer(
                title="Who is right",
                map_png=outcomes.as_png(outcome),
                classes=outcomes.outcome_classes(titles),
                alt="Who is right: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()) + ".",
            )
        ],
        views=["overlay", "wipe"],
        key="outcome-viewer",
    )
    rows = [("Pixel accuracy", *(s["pixel_accuracy"] for s in scores)), ("mIoU", *(s["miou"] for s in scores))]
    rows += [(f"IoU {name}", *(s["class_iou"].get(name) for s in scores)) for name in scores[0]["class_iou"]]
    table = pd.DataFrame(rows, columns=["Score", *titles]).dropna(how="all", subset=list(titles))
    table[list(titles)] = table[list(titles)].astype(float) * 100
    table["Difference"] = table[titles[1]] - table[titles[0]]
    percent = st.column_config.NumberColumn(format="%.1f %%")
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict.fromkeys(titles, percent)
        | {"Difference": st.column_config.NumberColumn(format="%+.1f", help="Points, B less A.")},
        placeholder="—",
        alt="Table of each model's scores against the label.",
    )


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f} %"


main()
