"""What the viewer shows of a photo and of a model's answer, at display size."""

from collections.abc import Mapping, Sequence

import streamlit as st

from front.api.comparison import Segmentation
from front.photos.album import Photo
from front.photos.picture import display_size, preview_of_file, shrink_map
from front.ui.names import display_name
from front.viewer.canvas import Layer, describe_shares


@st.cache_data(max_entries=24, show_spinner=False)
def preview_of(sha: str, _photo: Photo, side: int) -> bytes:
    """The photo's preview, made once."""
    return preview_of_file(_photo.name, _photo.picture, side)


def layer_of(
    segmentation: Segmentation,
    classes: Sequence[Mapping[str, object]],
    sure_png: bytes | None = None,
    *,
    note: str | None = None,
    kept: Sequence[int] | None = None,
) -> Layer:
    """A viewer layer of one model's answer, with how sure it is where that was asked for, see `Layer`.

    Args:
        note: beside its title, in place of the time it took.
        kept: what the visitor corrected of it.
    """
    title = display_name(segmentation.model)
    return Layer(
        title=title,
        map_png=shrink_map(segmentation.classes_png, display_size(segmentation.width, segmentation.height)),
        classes=classes,
        alt=describe_shares(title, segmentation.class_shares),
        note=f"{segmentation.worked_ms:.0f} ms" if note is None else note,
        sure_png=sure_png,
        model=segmentation.model,
        kept=kept,
    )
