"""Two models against a label: which is right where, each one's errors, scores and confusion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from front import page
from front.api.comparison import AgainstLabel, LabelScore, Outcomes, side_by_side
from front.api.predictions import ModelRef
from front.compare import who_is_right
from front.photos.album import Photo
from front.photos.label_files import LabelFile, kind_of
from front.photos.picture import DISPLAY_SIDE, display_size
from front.ui import charts
from front.ui.names import as_text
from front.viewer.canvas import Layer, View, show
from front.viewer.layers import preview_of

Pair = tuple[LabelScore, LabelScore]
IMPLAUSIBLE = 0.2  # pixel accuracy below which a label file is more likely misread than both models that bad


@dataclass(frozen=True)
class Judgement:
    """Who is right where: counted by the API on every pixel, shown small.

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


def judge(outcomes: Outcomes, width: int, height: int, names: tuple[str, str], titles: tuple[str, str]) -> Judgement:
    """The API's outcomes of a photo of this size, for the models of these names, A first, and their titles."""
    small = who_is_right.shrunk(outcomes.map_png, display_size(width, height))
    both_right, only_a, only_b, both_wrong = outcomes.pixels
    if outcomes.a != names[0]:
        small, (only_a, only_b) = who_is_right.with_models_swapped(small), (only_b, only_a)
    shares = who_is_right.outcome_shares((both_right, only_a, only_b, both_wrong), titles)
    a, b = (who_is_right.as_png(errors) for errors in who_is_right.error_maps(small))
    return Judgement(shares, sum(outcomes.pixels) / (width * height), who_is_right.as_png(small), (a, b))


@st.cache_data(max_entries=8, show_spinner=False)
def _judgement_of(
    key: tuple[str, ...], names: tuple[str, str], titles: tuple[str, str], _photo: Photo, _outcomes: Outcomes
) -> Judgement:
    """`judge`, once for each photo, label, its kind and pair of models."""
    return judge(_outcomes, _photo.width, _photo.height, names, titles)


def show_judgement(
    photo: Photo,
    label: LabelFile,
    kind: str,
    titles: tuple[str, str],
    classes: Sequence[Sequence[str]],
    models: tuple[ModelRef, ModelRef],
    judged: AgainstLabel,
) -> None:
    """The section of the page; `classes` are the names of both models' classes."""
    a, b = models
    if judged.outcomes is None:
        return
    scores = judged.scores[a.name], judged.scores[b.name]
    key = (photo.sha, label.sha, kind, a.sha256, b.sha256)
    found = _judgement_of(key, (a.name, b.name), titles, photo, judged.outcomes)
    st.subheader("Against the label", anchor=False)
    accuracies = [score.pixel_accuracy for score in scores]
    if all(accuracy is not None and accuracy < IMPLAUSIBLE for accuracy in accuracies):
        st.warning(
            f"Neither model agrees with even {IMPLAUSIBLE:.0%} of {as_text(label.name)}. Its values may mean "
            f"something else than {kind_of(kind).title}: choose another kind under “Label file”.",
            icon=":material/warning:",
        )
    _errors(photo, titles, found, scores)
    st.markdown("**What each model makes of a true class**")
    for column, title, names, score in zip(st.columns(2, gap="medium"), titles, classes, scores, strict=True):
        with column:
            page.chart(
                charts.confusion_heatmap(score.matrix, names, names, rows="label", columns=title, dark=page.dark()),
                key=f"confusion-{title}",
                alt=f"Of each class of the label, the per cent that {title} sees as each class.",
            )


def _errors(photo: Photo, titles: tuple[str, str], found: Judgement, scores: Pair) -> None:
    """Who is right where, the scores beside it, and each model's own errors."""
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


def _view(photo: Photo, layers: Sequence[Layer], views: Sequence[View], key: str) -> None:
    show(
        photo_jpeg=preview_of(photo.sha, photo, DISPLAY_SIDE),
        preview_size=display_size(photo.width, photo.height),
        full_size=(photo.width, photo.height),
        photo_alt=f"{photo.name} with the models' errors.",
        layers=layers,
        views=views,
        key=key,
        memory=key,
    )


def _table(titles: tuple[str, str], scores: Pair) -> None:
    """Both models' scores, where they are of the same classes."""
    comparable = side_by_side(*scores)
    if comparable is None:
        st.caption("The models' classes differ, and neither set groups the other: their scores do not compare.")
        return
    a, b = comparable
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
