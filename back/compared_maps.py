"""How label maps of one photo agree: with each other, and with a label. Pure functions."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from back.runtime.scores.confusion import Counts
from back.runtime.taxonomy import Taxonomy

UInt8Array = npt.NDArray[np.uint8]

# Values of `outcome_map`.
BOTH_RIGHT, ONLY_A, ONLY_B, BOTH_WRONG, NO_LABEL = range(5)


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
