"""Pictures of the images that a model was evaluated on, and their labels, from a data set that lies beside the API.

Nothing that a request or a report says becomes part of a path: names are looked for among those that a folder lists,
and what a link leads out of the data set is not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from back.runtime.errors import UserError
from back.runtime.evaluation.collect import LABEL_KINDS
from back.runtime.evaluation.shown import shown_photo
from back.runtime.imaging import Photo, UInt8Array, open_photo
from back.runtime.labels.guess import LabelValues, fitting_kinds
from back.runtime.labels.read import maps_by_source, read_label
from back.runtime.labels.tables import source_named, table_to
from back.runtime.layouts import folder
from back.runtime.layouts.listing import composed, name_of
from back.runtime.layouts.recognise import layout_of
from back.runtime.taxonomy import Taxonomy, apply_remap

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
    pair = find_pair(root, split, name)
    return None if pair is None else pair.picture


@dataclass(frozen=True)
class EvaluatedPair:
    """An image of a data set and its label; `layout` is the data set's."""

    picture: Path
    label: Path | None
    layout: str


def find_pair(root: Path, split: str, name: str) -> EvaluatedPair | None:
    """An image by its name, with its label where it has one; None: not there."""
    layout = layout_of(root)
    if layout is None:
        return None
    # An evaluation may be older than the split that is made of a folder without splits.
    for part in (split, folder.ALL):
        for key, path in layout.images(root, part).files.items():
            if name_of(key) == composed(name):
                picture = _inside(root, path)
                label = layout.labels(root, part).files.get(key)
                if picture is None:
                    return None
                return EvaluatedPair(picture, None if label is None else _inside(root, label), layout.KIND)
    return None


def _inside(root: Path, path: Path) -> Path | None:
    """Where a file really is; None: a link leads out of the data set, or nowhere."""
    resolved = path.resolve()
    return resolved if resolved.is_relative_to(root.resolve()) and resolved.is_file() else None


def read_truth(pair: EvaluatedPair, photo: Photo, taxonomy: Taxonomy) -> UInt8Array | None:
    """The label of an image in a model's classes, uint8 [height, width]; None where it has none.

    Raises:
        UserError: it cannot be read, or not in these classes, or is of another size.
    """
    if pair.label is None:
        return None

    def check_size(width: int, height: int) -> None:
        if (width, height) != (photo.width, photo.height):
            raise UserError(f"the label is {width} x {height} pixels but the photo is {photo.width} x {photo.height}")

    data, values = pair.label.read_bytes(), LabelValues()
    values.add(maps_by_source(data, pair.label, check_size))
    kind = fitting_kinds(values.rated(LABEL_KINDS.get(pair.layout)), [taxonomy])[0]
    source = source_named(kind, [taxonomy])
    return apply_remap(
        read_label(data, source, "the label", check_size), table_to(source, taxonomy), name="the label"
    )


def thumbnail(path: Path, max_pixels: int) -> bytes:
    """A JPEG of at most `SIDE` pixels a side.

    Raises:
        ImageError: no usable image.
        OSError: the file cannot be read.
    """
    return shown_photo(open_photo(path.read_bytes(), max_pixels, _shown).image, SIDE)


def _shown(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
