"""Segmentations turned into what pages show: previews, viewer layers, the CSV of class shares."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from front.api import predictions
from front.api.client import Segmentation
from front.api.predictions import ModelRef, PredictionCache
from front.photos.album import Photo, display_size, preview, shrink_map
from front.ui.names import display_name
from front.viewer.canvas import Layer, describe_shares

CSV_HEAD = ("photo", "width", "height", "model", "version", "sha256", "class", "share", "milliseconds", "note")


@dataclass(frozen=True)
class Row:
    """One photo and model of the CSV; without an answer `model` only names who was asked, and the note says why."""

    photo: Photo
    model: Segmentation | ModelRef
    note: str = ""


@st.cache_data(max_entries=24, show_spinner=False)
def preview_of(sha: str, _photo: Photo, side: int) -> bytes:
    """The photo's preview, made once."""
    return preview(_photo, side)


def layer_of(segmentation: Segmentation, classes: Sequence[Mapping[str, object]]) -> Layer:
    """A viewer layer of one model's answer."""
    title = display_name(segmentation.model)
    return Layer(
        title=title,
        map_png=shrink_map(segmentation.classes_png, display_size(segmentation.width, segmentation.height)),
        classes=classes,
        alt=describe_shares(title, segmentation.class_shares),
        note=f"{segmentation.worked_ms:.0f} ms",
    )


def waiting(cache: PredictionCache, photos: Iterable[Photo], refs: Sequence[ModelRef]) -> list[Photo]:
    """Photos for which an answer of a chosen model is missing."""
    return [p for p in photos if len(predictions.cached(cache, p, refs)) < len(refs)]


def csv_of(rows: Iterable[Row]) -> str:
    """One line a photo, model and class; one line with a note for a model that has no answer."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for row in rows:
        asked = row.model if isinstance(row.model, ModelRef) else ModelRef.of_answer(row.model)
        head = (_cell(row.photo.name), row.photo.width, row.photo.height, asked.name, asked.version, asked.sha256)
        if isinstance(row.model, ModelRef):
            writer.writerow((*head, "", "", "", row.note))
            continue
        time = f"{row.model.worked_ms:.1f}"
        for name, share in row.model.class_shares.items():
            writer.writerow((*head, name, f"{share:.6f}", time, row.note))
    return out.getvalue()


def _cell(text: str) -> str:
    """A file name that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text
