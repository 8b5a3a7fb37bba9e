"""How label maps of one photo agree: with each other, and with a label file. Pure functions."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from back.problems import Problem
from back.runtime.scores.confusion import Counts
from back.runtime.taxonomy import LabelValueError, RemapError, Taxonomy, apply_remap, remap_for

UInt8Array = npt.NDArray[np.uint8]


def agreement_of(pairs: Counts, a: Taxonomy, b: Taxonomy) -> float:
    """Fraction 0..1 of the pixels whose classes have the same name in both taxonomies."""
    same = sum(
        int(pairs[i.id, j.id]) for i in a.classes for j in b.classes if i.name == j.name
    )  # names, not ids: two models may order their classes differently
    return same / int(pairs.sum())


def disagreement_map(maps: Sequence[tuple[UInt8Array, Taxonomy]]) -> UInt8Array:
    """255 where not all label maps name the same class, else 0: uint8 of the maps' shape."""
    names = sorted({name for _, taxonomy in maps for name in taxonomy.names})
    common = []
    for labels_HW, taxonomy in maps:
        table = np.full(256, 255, np.uint8)
        table[: len(taxonomy.names)] = [names.index(name) for name in taxonomy.names]
        common.append(table[labels_HW])
    differs_HW = np.zeros(common[0].shape, bool)
    for other in common[1:]:
        differs_HW |= other != common[0]
    return differs_HW.view(np.uint8) * np.uint8(255)


def error_map(label_HW: UInt8Array, predicted_HW: UInt8Array, ignore_index: int) -> UInt8Array:
    """255 where a labelled pixel is wrong, else 0."""
    wrong_HW = (label_HW != predicted_HW) & (label_HW != ignore_index)
    return wrong_HW.view(np.uint8) * np.uint8(255)


def decode_label(data: bytes, width: int, height: int) -> UInt8Array:
    """Read a label file: a grey or palette PNG whose values are ids, of the photo's size.

    Raises:
        Problem: 415 no PNG, 400 damaged, 422 not ids or of another size.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.size != (width, height):  # before it is decoded: a bomb is stopped by the photo's own limit
                raise Problem(
                    422,
                    f"The label is {image.width} x {image.height} pixels but the photo is {width} x {height}; "
                    "send the label of this photo.",
                )
            if image.mode not in ("L", "P"):
                raise Problem(
                    422, "The label must be an 8-bit grey or palette PNG whose values are class ids, not colours."
                )
            return np.array(image)
    except Problem:
        raise
    except UnidentifiedImageError as error:
        raise Problem(415, "The label is not a PNG; send a PNG whose values are class ids.") from error
    except Exception as error:  # a damaged file makes decoders fail in many ways, and all mean the same
        raise Problem(400, "The label file is damaged or cut off; save or upload it again.") from error


def remap_label(label_HW: UInt8Array, source: str, target: Taxonomy) -> UInt8Array:
    """The label in a model's classes.

    Raises:
        Problem: 422, there is no such remap, or a value is outside its table.
    """
    try:
        table: Mapping[int, int] = remap_for(source, target.id)
    except RemapError as error:
        raise Problem(422, f"This label cannot be used: {error}; set label_taxonomy.") from error
    try:
        return apply_remap(label_HW, table, name="The label")
    except LabelValueError as error:
        raise Problem(422, f"{error}; or set label_taxonomy to what the file holds.") from error
