"""How label maps of one photo agree: with each other, and with a label file. Pure functions."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from back.problems import Problem
from back.runtime.labels.read import LabelFileError, read_label
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


def decode_label(data: bytes, source: str, width: int, height: int) -> UInt8Array:
    """Read a label file of a photo's size: uint8 [height, width], in the values of its source (a key of `REMAPS`).

    Raises:
        Problem: 415 no PNG, 400 damaged, 422 not ids or of another size.
    """

    def check_size(label_width: int, label_height: int) -> None:
        # Before it is decoded: a bomb is stopped by the photo's own limit.
        if (label_width, label_height) != (width, height):
            raise Problem(
                422,
                f"The label is {label_width} x {label_height} pixels but the photo is {width} x {height}; "
                "send the label of this photo.",
            )

    try:
        return read_label(data, source, check_size=check_size)
    except LabelFileError as error:
        status, sentence = {
            "not_png": (415, "The label is not a PNG; send a PNG whose values are class ids."),
            "damaged": (400, "The label file is damaged or cut off; save or upload it again."),
            "colour": (422, f"The label must be a PNG whose values are class ids, not colours: {error.detail}."),
        }.get(error.kind, (422, f"The label cannot be read: {error.detail}."))
        raise Problem(status, sentence) from error


def label_table(source: str, target: Taxonomy) -> Mapping[int, int]:
    """The remap from a label file's values to a model's classes.

    Raises:
        Problem: 422, there is none.
    """
    try:
        return remap_for(source, target.id)
    except RemapError as error:
        raise Problem(422, f"This label cannot be used: {error}; set label_taxonomy.") from error


def remap_label(label_HW: UInt8Array, table: Mapping[int, int]) -> UInt8Array:
    """The label in a model's classes.

    Raises:
        Problem: 422, a value is outside the table.
    """
    try:
        return apply_remap(label_HW, table, name="The label")
    except LabelValueError as error:
        raise Problem(422, f"{error}; or set label_taxonomy to what the file holds.") from error
