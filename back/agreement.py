"""How label maps of one photo agree: with each other, and with a label file. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from back.problems import Problem
from back.runtime.labels.read import LabelFileError, read_label
from back.runtime.labels.source import OwnValues, Source
from back.runtime.scores.confusion import Counts
from back.runtime.taxonomy import (
    IGNORE,
    REMAPS,
    TAXONOMIES,
    LabelValueError,
    RemapError,
    Taxonomy,
    apply_remap,
    common_of,
    grouping,
    remap_for,
)

UInt8Array = npt.NDArray[np.uint8]


def agreement_of(pairs: Counts, a: Taxonomy, b: Taxonomy) -> float:
    """Fraction 0..1 of the pixels with the same class: in the coarser set where one groups the other, or by name."""
    of_a, of_b = common_names((a, b))
    same = sum(int(pairs[i, j]) for i, one in enumerate(of_a) for j, other in enumerate(of_b) if one == other)
    return same / int(pairs.sum())


def common_names(taxonomies: Sequence[Taxonomy]) -> list[tuple[str, ...]]:
    """What to call each set's classes, by id, where sets are compared: as the coarsest does, if it groups the others.

    Names, not ids: two models may order their classes differently.
    """
    common = common_of(taxonomies)
    if common is None:
        return [one.names for one in taxonomies]
    return [tuple(common.names[place] for place in grouping(one, common) or ()) for one in taxonomies]


def disagreement_map(maps: Sequence[tuple[UInt8Array, Taxonomy]]) -> UInt8Array:
    """255 where not all label maps name the same class, else 0: uint8 of the maps' shape."""
    called = common_names([taxonomy for _, taxonomy in maps])
    number = {name: i for i, name in enumerate(sorted({name for names in called for name in names}))}
    common = []
    for (labels_HW, _), names in zip(maps, called, strict=True):
        table = np.zeros(256, np.uint16)  # several sets of 255 classes have more names than a byte holds
        table[: len(names)] = [number[name] for name in names]
        common.append(table[labels_HW])
    differs_HW = np.zeros(common[0].shape, bool)
    for other in common[1:]:
        differs_HW |= other != common[0]
    return differs_HW.view(np.uint8) * np.uint8(255)


def error_map(label_HW: UInt8Array, predicted_HW: UInt8Array, ignore_index: int) -> UInt8Array:
    """255 where a labelled pixel is wrong, else 0."""
    wrong_HW = (label_HW != predicted_HW) & (label_HW != ignore_index)
    return wrong_HW.view(np.uint8) * np.uint8(255)


def decode_label(data: bytes, source: Source, width: int, height: int) -> UInt8Array:
    """Read a label file of a photo's size: uint8 [height, width], in the values of its source.

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


def label_source(name: str, taxonomies: Iterable[Taxonomy]) -> Source:
    """What a label file's values are: a known source, or the ids of a model's own class set."""
    own = next((one for one in taxonomies if one.id == name), None)
    if own is None or name in REMAPS:
        return name
    return OwnValues(own, (*((one.id, one.id) for one in own.classes), (IGNORE, IGNORE)))


def label_table(source: Source, target: Taxonomy) -> Mapping[int, int]:
    """The remap from a label file's values to a model's classes.

    Raises:
        Problem: 422, there is none.
    """
    if isinstance(source, OwnValues):
        if (places := grouping(source.taxonomy, target)) is None:
            raise Problem(422, f"This label cannot be used: {source.taxonomy.id} is no finer set than {target.id}.")
        return {value: IGNORE if onto == IGNORE else places[onto] for value, onto in source.values}
    known = TAXONOMIES.get(target.id)
    try:
        if known is not None and not known.same_classes(target):
            raise RemapError(f"{target.id} has other classes here than the set of this name")
        return remap_for(source, target.id)
    except RemapError as error:
        raise Problem(
            422,
            f"This label cannot be used: {error}; set label_taxonomy, for ids of the model itself to {target.id}.",
        ) from error


def remap_label(label_HW: UInt8Array, table: Mapping[int, int]) -> UInt8Array:
    """The label in a model's classes.

    Raises:
        Problem: 422, a value is outside the table.
    """
    try:
        return apply_remap(label_HW, table, name="The label")
    except LabelValueError as error:
        raise Problem(422, f"{error}; or set label_taxonomy to what the file holds.") from error
