"""What is shown of a photo and of its class maps: small enough for a browser, and of one size."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.masks.png import encode_gray_png


def shown_photo(image: Image.Image, side: int) -> bytes:
    """A JPEG of a photo, at most `side` pixels long."""
    size = _shown_size(*image.size, side)
    small = image if size == image.size else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=88)
    return out.getvalue()


def shown_map(ids_HW: npt.NDArray[np.uint8], side: int) -> bytes:
    """Class ids of a photo, uint8 [height, width], as a grey PNG of the size of `shown_photo`; ids stay ids."""
    height, width = ids_HW.shape
    size = _shown_size(width, height, side)
    if size != (width, height):
        ids_HW = np.asarray(Image.fromarray(ids_HW).resize(size, Image.Resampling.NEAREST))
    return encode_gray_png(np.ascontiguousarray(ids_HW))


def _shown_size(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
