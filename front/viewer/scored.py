"""A photo that was scored, of an evaluation or a report, in the viewer."""

import io
from collections.abc import Sequence

from PIL import Image

from front.viewer.canvas import Layer, View, show


def show_scored(
    photo_jpeg: bytes, name: str, full_size: tuple[int, int], layers: Sequence[Layer], views: Sequence[View], key: str
) -> None:
    """Mount the viewer; all viewers of scored photos share view, opacity and the classes shown alone.

    Args:
        photo_jpeg: as it is shown, of whatever size.
        full_size: width and height of the photo itself.
    """
    with Image.open(io.BytesIO(photo_jpeg)) as picture:
        size = picture.size
    width, height = full_size
    show(
        photo_jpeg=photo_jpeg,
        preview_size=size,
        full_size=full_size,
        photo_alt=f"{name}, {width} by {height} pixels.",
        layers=layers,
        views=views,
        key=key,
        memory="evaluation",
    )
