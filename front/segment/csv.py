"""The CSV of class shares: one line a photo, model and class."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from front.api.comparison import Segmentation
from front.api.predictions import ModelRef
from front.photos.album import Photo

CSV_HEAD = ("photo", "width", "height", "model", "version", "sha256", "class", "share", "milliseconds", "note")


@dataclass(frozen=True)
class Row:
    """One photo and model of the CSV; without an answer `model` only names who was asked, and the note says why."""

    photo: Photo
    model: Segmentation | ModelRef
    note: str = ""


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
