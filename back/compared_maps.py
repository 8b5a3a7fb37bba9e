"""How label maps of one photo agree: with each other, and with a label. Pure functions."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from back.runtime.scores.confusion import Counts
from back.runtime.taxonomy import Taxonomy, common_of, grouping

UInt8Array = npt.NDArray[np.uint8]

# Values of `outcome_map`.
BOTH_RIGHT, ONLY_A, ONLY_B, BOTH_WRONG, NO_LABEL = range(5)


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


def outcome_map(a: tuple[UInt8Array, UInt8Array, Taxonomy], b: tuple[UInt8Array, UInt8Array, Taxonomy]) -> UInt8Array:
    """Which of two models is right where, uint8 [H, W] of the constants above.

    Args:
        a: the label in the classes of the first model, this model's label map, and those classes.
        b: the same of the second.
    """
    (truth_a_HW, a_HW, classes_a), (truth_b_HW, b_HW, classes_b) = a, b
    outcome_HW = (truth_b_HW != b_HW).view(np.uint8) * np.uint8(ONLY_A)
    outcome_HW += (truth_a_HW != a_HW).view(np.uint8) * np.uint8(ONLY_B)
    outcome_HW[(truth_a_HW == classes_a.ignore_index) | (truth_b_HW == classes_b.ignore_index)] = NO_LABEL
    return outcome_HW
