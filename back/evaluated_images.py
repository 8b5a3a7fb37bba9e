"""Small pictures of the images that a model was evaluated on, from a data set that lies beside the API.

Nothing that a request or a report says becomes part of a path: names are looked for among those that a folder lists,
and what a link leads out of the data set is not read.
"""

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from back.runtime.imaging import open_photo

SIDE = 480  # pixels of a picture's longer side
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_CITYSCAPES = "_leftImg8bit"
# CamVid's splits that this project adds are parts of train.
_PARTS_OF = {"dev": "train", "devtrain": "train"}


def evaluated_images(report: Mapping[str, Any] | None) -> tuple[str, frozenset[str]]:
    """Split and image names of a model's evaluation; no name where its report lists none."""
    evaluation = (report or {}).get("evaluation")
    images = evaluation.get("per_image") if isinstance(evaluation, dict) else None
    if not isinstance(evaluation, dict) or not isinstance(images, list):
        return "", frozenset()
    names = (image.get("name") for image in images if isinstance(image, dict))
    return str(evaluation.get("split", "")), frozenset(name for name in names if isinstance(name, str))


def find_picture(root: Path, split: str, name: str) -> Path | None:
    """The file of an image by its name, in the layout of Cityscapes, CamVid or a plain folder; None: not there."""
    inside = root.resolve()
    for listed, path in _pictures(root, split):
        if listed == name:
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


def _pictures(root: Path, split: str) -> Iterator[tuple[str, Path]]:
    """(name, file) of every picture of a split, named as the evaluation names them."""
    if frames := _child(root, "leftImg8bit"):
        for city in _entries(_child(frames, split)):
            for path in _entries(city):
                if path.stem.endswith(_CITYSCAPES):
                    yield path.stem.removesuffix(_CITYSCAPES), path
        return
    if _child(root, "trainannot"):
        folder = _child(root, _PARTS_OF.get(split, split))
    else:
        own = _child(root, split)
        folder = (own and _child(own, "images")) or _child(root, "images")
    for path in _entries(folder):
        if path.suffix.lower() in _SUFFIXES:
            yield path.stem, path


def _child(folder: Path, name: str) -> Path | None:
    """The folder's own subfolder of this name; a listing holds no `..` and no path."""
    return next((path for path in _entries(folder) if path.name == name and path.is_dir()), None)


def _entries(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries)
