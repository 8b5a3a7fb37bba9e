"""Segmentations turned into what pages show: viewer layers, the batch over all photos, files to take away."""

import csv
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence

import streamlit as st
from PIL import Image

from front import predictions
from front.api import ApiClient, Segmentation
from front.names import display_name
from front.photos import Photo, display_size, preview, shrink_map
from front.predictions import ModelRef, PredictionCache
from front.viewer import Layer, describe_shares

CSV_HEAD = ("photo", "width", "height", "model", "version", "sha256", "class", "share", "milliseconds")


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


def csv_of(rows: Iterable[tuple[Photo, Segmentation]]) -> str:
    """One line a photo, model and class."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for photo, s in rows:
        for name, share in s.class_shares.items():
            writer.writerow(
                (
                    _cell(photo.name),
                    photo.width,
                    photo.height,
                    s.model,
                    s.version,
                    s.sha256,
                    name,
                    f"{share:.6f}",
                    f"{s.worked_ms:.1f}",
                )
            )
    return out.getvalue()


def build_archive(
    client: ApiClient,
    cache: PredictionCache,
    photos: Sequence[Photo],
    refs: Sequence[ModelRef],
    opacity: float,
    progress: Callable[[int, int, str], None],
) -> bytes:
    """A zip of every photo's masks, class maps and overlays, with `class_shares.csv`.

    Masks are the API's bytes. Overlays are JPEG: as PNG they would be a hundred times the masks' size.

    Raises:
        ApiError: a call brought no result.
    """
    rows: list[tuple[Photo, Segmentation]] = []
    steps = len(photos) * len(refs)
    stems = _unique([photo.stem for photo in photos])
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNG and JPEG do not shrink further
            for photo, stem in zip(photos, stems, strict=True):
                answers = predictions.segment(client, cache, photo, refs)
                for ref in refs:
                    progress(len(rows), steps, photo.name)
                    mask = client.predict_png(photo.data, model=ref.name, output="mask")
                    overlay = client.predict_png(photo.data, model=ref.name, output="overlay", opacity=opacity)
                    archive.writestr(f"{stem}/{ref.name}_mask.png", mask)
                    archive.writestr(f"{stem}/{ref.name}_classes.png", answers[ref.name].classes_png)
                    archive.writestr(f"{stem}/{ref.name}_overlay.jpg", _as_jpeg(overlay))
                    rows.append((photo, answers[ref.name]))
            archive.writestr("class_shares.csv", csv_of(rows))
        file.seek(0)
        return file.read()


def _as_jpeg(png: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def _unique(stems: Sequence[str]) -> list[str]:
    """Folder names: photos of the same name get a number."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for stem in stems:
        seen[stem] = seen.get(stem, 0) + 1
        names.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return names


def _cell(text: str) -> str:
    """A file name that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text
