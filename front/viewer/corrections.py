"""Class maps that the visitor corrected in the viewer: kept with the album, and saved at the photo's own size."""

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from front.api.comparison import Segmentation
from front.photos.album import Album, Photo
from front.photos.picture import display_size
from front.ui.file_names import legal_name
from front.ui.names import display_name


def corrected_by(
    album: Album, photo: Photo, answers: Mapping[str, Segmentation], classes: Mapping[str, int]
) -> Callable[[Any], None]:
    """What the viewer calls with a correction; `classes` is how many each model has. Nonsense is dropped."""

    def keep(told: Any) -> None:
        model = told.get("model") if isinstance(told, dict) else None
        if not isinstance(model, str) or model not in answers:
            return
        width, height = display_size(answers[model].width, answers[model].height)
        runs = checked(told.get("runs"), width * height, classes[model])
        if runs is not None:
            album.corrections[_key(photo, answers[model])] = runs

    return keep


def checked(runs: Any, pixels: int, classes: int) -> tuple[int, ...] | None:
    """Runs as the viewer sends them, where they lie in a map of so many pixels and classes; else None."""
    if not isinstance(runs, list) or len(runs) % 3 or not all(type(one) is int for one in runs):
        return None
    starts, lengths, ids = runs[::3], runs[1::3], runs[2::3]
    inside = all(s >= 0 and n > 0 and s + n <= pixels for s, n in zip(starts, lengths, strict=True))
    return tuple(runs) if inside and all(0 <= one < classes for one in ids) else None


def kept_of(album: Album, photo: Photo, answer: Segmentation) -> tuple[int, ...] | None:
    """The runs that were kept of an answer."""
    return album.corrections.get(_key(photo, answer))


def save_corrected(album: Album, photo: Photo, answers: Mapping[str, Segmentation]) -> None:
    """A button for each map that was corrected."""
    corrected = {name: runs for name, one in answers.items() if (runs := kept_of(album, photo, one))}
    if not corrected:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, runs in corrected.items():
            st.download_button(
                f"{display_name(name)} corrected",
                partial(corrected_png, answers[name], runs),
                f"{legal_name(photo.stem)}_{legal_name(name)}_corrected.png",
                "image/png",
                key=f"corrected-{name}",
                on_click="ignore",
                type="primary",
                icon=":material/brush:",
                help="8-bit grey PNG of class ids in the photo's own size, with what you corrected.",
            )


def corrected_png(answer: Segmentation, runs: Sequence[int]) -> bytes:
    """The class ids of an answer with a correction, 8-bit grey PNG of the photo's size.

    What was not touched stays as the model has it, to the pixel, though the viewer's map may be smaller.
    """
    width, height = display_size(answer.width, answer.height)
    painted = np.full(width * height, 255, np.uint8)
    for start, length, class_id in zip(runs[::3], runs[1::3], runs[2::3], strict=True):
        painted[start : start + length] = class_id
    whole = Image.fromarray(painted.reshape(height, width)).resize(
        (answer.width, answer.height), Image.Resampling.NEAREST
    )
    with Image.open(io.BytesIO(answer.classes_png)) as image:
        ids_HW: npt.NDArray[np.uint8] = np.array(image)
    changed_HW = np.asarray(whole)
    ids_HW[changed_HW != 255] = changed_HW[changed_HW != 255]
    out = io.BytesIO()
    Image.fromarray(ids_HW).save(out, "PNG", compress_level=6)
    return out.getvalue()


def _key(photo: Photo, answer: Segmentation) -> tuple[str, ...]:
    return (photo.sha, answer.model, answer.version, answer.sha256)
