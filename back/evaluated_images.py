"""Small pictures of the images that a model was evaluated on, from a data set that lies beside the API.

Nothing that a request or a report says becomes part of a path: names are looked for among those that a folder lists,
and what a link leads out of the data set is not read.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from back.runtime.imaging import open_photo
from back.runtime.layouts import folder
from back.runtime.layouts.listing import composed, name_of
from back.runtime.layouts.recognise import layout_of

SIDE = 480  # pixels of a picture's longer side


def evaluated_images(report: Mapping[str, Any] | None) -> tuple[str, frozenset[str]]:
    """Split and image names of a model's evaluation; no name where its report lists none."""
    evaluation = (report or {}).get("evaluation")
    images = evaluation.get("per_image") if isinstance(evaluation, dict) else None
    if not isinstance(evaluation, dict) or not isinstance(images, list):
        return "", frozenset()
    names = (image.get("name") for image in images if isinstance(image, dict))
    return str(evaluation.get("split", "")), frozenset(name for name in names if isinstance(name, str))


def find_picture(root: Path, split: str, name: str) -> Path | None:
    """The file of an image by its name, in whatever layout the data set has; None: not there."""
    layout = layout_of(root)
    if layout is None:
        return None
    inside = root.resolve()
    # An evaluation may be older than the split that is made of a folder without splits.
    for part in (split, folder.ALL):
        for key, path in layout.images(root, part).files.items():
            if name_of(key) == composed(name):
                resolved = path.resolve()
                return resolved if resolved.is_relative_to(inside) and resolved.is_file() else None
    return None


def thumbnail(path: Path, max_pixels: int) -> bytes:
    """A JPEG of at most `SIDE` pixels a side.

    Raises:
        ImageError: no usable image.
        OSError: the file cannot be read.
    """
    image = open_photo(path.read_bytes(), max_pixels, _shown).image
    image.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _shown(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
