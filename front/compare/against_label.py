"""Two models against a label: which is right where, each one's errors, scores and confusion."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from front import page
from front.api.predictions import LabelScore
from front.compare import who_is_right
from front.compare.agreement import as_png
from front.photos.album import DISPLAY_SIDE, Photo, display_size
from front.photos.label_files import LabelFile, labelled_pixels
from front.ui import charts
from front.viewer.canvas import Layer, View, show
from front.viewer.layers import preview_of

Pair = tuple[LabelScore, LabelScore]


@dataclass(frozen=True)
class Judgement:
    """Who is right where: counted on every pixel, shown small.

    Attributes:
        shares: fraction of the labelled pixels by outcome.
        labelled: fraction of the photo that carries a label.
        outcome_png: outcomes at display size.
        error_pngs: each model's errors at display size.
    """

    shares: Mapping[str, float]
    labelled: float
    outcome_png: bytes
    error_pngs: tuple[bytes, bytes]


def judge(
    label: LabelFile, source: str, taxonomies: Sequence[str], titles: tuple[str, str], errors: tuple[bytes, bytes]
) -> Judgement:
    """From the API's error maps (255 where a model is wrong) and the pixels that carry a label at all."""
    wrong = [_is_set(png) for png in errors]
    labelled = labelled_pixels(label, source, taxonomies)
    outcome = who_is_right.outcome_map(wrong[0], wrong[1], labelled)
    height, width = outcome.shape
    small = who_is_right.shrink(outcome, display_size(width, height))
    shares = who_is_right.outcome_shares(outcome, titles)
    a, b = (as_png(errors) for errors in who_is_right.error_maps(small))
    return Judgement(shares, float(labelled.mean()), as_png(small), (a, b))


@st.cache_data(max_entries=8, show_spinner=False)
def _judgement_of(
    key: tuple[str, ...],
    source: str,
    taxonomies: tuple[str, ...],
    titles: tuple[str, str],
    _label: LabelFile,
    _scores: Pair,
) -> Judgement:
    """`judge`, once for each photo, label and pair of models."""
    return judge(_label, source, taxonomies, titles, (_scores[0].errors_png, _scores[1].errors_png))


def show_judgement(
    photo: Photo,
    label: LabelFile,
    source: str,
    taxonomies: Sequence[str],
    titles: tuple[str, str],
    names: Sequence[Sequence[str]],
    models: Sequence[str],
    scores: Pair,
) -> None:
    """The section of the page; `models` says which weights the scores are of."""
    found = _judgement_of((photo.sha, label.sha, *models), source, tuple(taxonomies), titles, label, scores)
    st.subheader("Against the label", anchor=False)
    left, right = st.columns([3, 2], gap="medium")
    spoken = ", ".join(f"{name} {100 * share:.1f} %" for name, share in found.shares.items())
    with left:
        st.markdown("**Which model is right where**")
        layer = Layer(
            "Who is right", found.outcome_png, who_is_right.outcome_classes(titles), f"Who is right: {spoken}."
        )
        _view(photo, [layer], ["overlay", "wipe"], "outcome-viewer")
        st.caption(f"Of the labelled pixels, {100 * found.labelled:.1f} % of the photo: {spoken}.")
    with right:
        st.markdown("**Scores on this photo**")
        _table(titles, scores)
    st.markdown("**Where each model errs**")
    layers = [
        Layer(
            title=f"Errors of {title}",
            map_png=png,
            classes=who_is_right.ERROR_CLASSES,
            alt=f"{title} errs on {_percent(score)} of the labelled pixels.",
        )
        for title, png, score in zip(titles, found.error_pngs, scores, strict=True)
    ]
    _view(photo, layers, ["overlay", "wipe", "pair"], "errors-viewer")
    st.markdown("**What each model makes of a true class**")
    for column, title, classes, score in zip(st.columns(2, gap="medium"), titles, names, scores, strict=True):
        with column:
            page.chart(
                charts.confusion_heatmap(
                    score.matrix, classes, classes, rows="label", columns=title, dark=page.dark()
                ),
                key=f"confusion-{title}",
                alt=f"Of each class of the label, the per cent that {title} sees as each class.",
            )


def _view(photo: Photo, layers: Sequence[Layer], views: Sequence[View], key: str) -> None:
    show(
        photo_jpeg=preview_of(photo.sha, photo, DISPLAY_SIDE),
        preview_size=display_size(photo.width, photo.height),
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name} with the models' errors.",
        layers=layers,
        views=views,
        key=key,
    )


def _table(titles: tuple[str, str], scores: Pair) -> None:
    a, b = scores
    rows = [("Pixel accuracy", a.pixel_accuracy, b.pixel_accuracy), ("mIoU", a.miou, b.miou)]
    names = dict.fromkeys([*a.class_iou, *b.class_iou])
    rows += [(f"IoU {name}", a.class_iou.get(name), b.class_iou.get(name)) for name in names]
    table = pd.DataFrame(rows, columns=["Score", *titles]).dropna(how="all", subset=list(titles))
    table[list(titles)] = table[list(titles)].astype(float) * 100
    table["Difference"] = table[titles[1]] - table[titles[0]]
    percent = st.column_config.NumberColumn(format="%.1f %%")
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict.fromkeys(titles, percent)
        | {"Difference": st.column_config.NumberColumn(format="%+.1f", help="Points, B − A.")},
        placeholder="—",
        alt="Table of each model's scores against the label.",
    )


def _percent(score: LabelScore) -> str:
    return "an unknown share" if score.pixel_accuracy is None else f"{100 * (1 - score.pixel_accuracy):.1f} %"


def _is_set(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image) > 127
