"""Class sets and every remap between them, as data.

Sources: the label table of the official Cityscapes scripts (ids, trainIds, categories, colours), and the 11-class
CamVid order of the SegNet tutorial (Kendall, Badrinarayanan, Cipolla). `street8` merges them as README.md describes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from back.runtime.errors import UserError

IGNORE = 255


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Byte = Annotated[int, Field(ge=0, le=255)]


class ClassInfo(_Strict):
    """One class: its id in the label map, its name, and its colour as RGB in 0..255."""

    id: int = Field(ge=0, le=254)
    name: str = Field(min_length=1, max_length=100)
    color: tuple[_Byte, _Byte, _Byte]


Groups = dict[str, dict[str, tuple[str, ...]]]


class Taxonomy(_Strict):
    """A set of classes whose ids are 0..n-1; `ignore_index` marks unlabelled pixels.

    `groups` says which coarser sets it can be counted in: coarser set -> its class, in order -> the classes in it.
    """

    id: str
    classes: tuple[ClassInfo, ...] = Field(min_length=2, max_length=255)
    ignore_index: _Byte = 255
    # Left out of the JSON where there are none, so that a card from before this field stays as it is.
    groups: Groups = Field(default_factory=dict, exclude_if=lambda groups: not groups)

    @model_validator(mode="after")
    def _ids_are_dense(self) -> "Taxonomy":
        if [c.id for c in self.classes] != list(range(len(self.classes))):
            raise ValueError(f"taxonomy {self.id}: class ids must be 0..{len(self.classes) - 1} in order")
        for coarser, classes in self.groups.items():
            grouped = sorted(name for names in classes.values() for name in names)
            if grouped != sorted(self.names):
                raise ValueError(f"taxonomy {self.id}: the groups of {coarser} must hold each class once")
        return self

    def __hash__(self) -> int:  # of frozen fields, of which a dict has no hash
        return hash((self.id, self.classes))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.classes)

    def same_classes(self, other: "Taxonomy") -> bool:
        """Whether ids mean the same in both; the set's name and its colours do not matter."""
        return self.names == other.names


class LabelValueError(UserError):
    """A label map holds a value that the source's table does not know."""


class RemapError(UserError):
    """There is no way from a source's label values to the taxonomy asked for."""


def _taxonomy(name: str, *classes: tuple[str, tuple[int, int, int]]) -> Taxonomy:
    infos = tuple(ClassInfo(id=i, name=n, color=c) for i, (n, c) in enumerate(classes))
    return Taxonomy(id=name, classes=infos, ignore_index=IGNORE)


STREET8 = _taxonomy(
    "street8",
    ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)),
    ("building", (70, 70, 70)),
    ("vehicle", (0, 0, 142)),
    ("pedestrian", (220, 20, 60)),
    ("vegetation", (107, 142, 35)),
    ("sky", (70, 130, 180)),
    ("background", (0, 0, 0)),
)

CITYSCAPES19 = _taxonomy(
    "cityscapes19",
    ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)),
    ("building", (70, 70, 70)),
    ("wall", (102, 102, 156)),
    ("fence", (190, 153, 153)),
    ("pole", (153, 153, 153)),
    ("traffic light", (250, 170, 30)),
    ("traffic sign", (220, 220, 0)),
    ("vegetation", (107, 142, 35)),
    ("terrain", (152, 251, 152)),
    ("sky", (70, 130, 180)),
    ("person", (220, 20, 60)),
    ("rider", (255, 0, 0)),
    ("car", (0, 0, 142)),
    ("truck", (0, 0, 70)),
    ("bus", (0, 60, 100)),
    ("train", (0, 80, 100)),
    ("motorcycle", (0, 0, 230)),
    ("bicycle", (119, 11, 32)),
)

CITYSCAPES7 = _taxonomy(
    "cityscapes7",
    ("flat", (128, 64, 128)),
    ("construction", (70, 70, 70)),
    ("object", (153, 153, 153)),
    ("nature", (107, 142, 35)),
    ("sky", (70, 130, 180)),
    ("human", (220, 20, 60)),
    ("vehicle", (0, 0, 142)),
)

TAXONOMIES: Mapping[str, Taxonomy] = {t.id: t for t in (STREET8, CITYSCAPES19, CITYSCAPES7)}

# Cityscapes labelId -> trainId: position in this tuple is the trainId.
CITYSCAPES_TRAIN_LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
# Every labelId that can occur in a labelIds file; -1 (license plate) is stored as 255 by some writers.
CITYSCAPES_LABEL_IDS = (*range(34), 255)

_LABEL_IDS_TO_19 = dict.fromkeys(CITYSCAPES_LABEL_IDS, IGNORE) | {
    label_id: train_id for train_id, label_id in enumerate(CITYSCAPES_TRAIN_LABEL_IDS)
}
_19_TO_STREET8 = (0, 1, 2, 7, 7, 7, 7, 7, 5, 7, 6, 4, 4, 3, 3, 3, 3, 3, 3)
_19_TO_7 = (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6)
_STREET8_TO_7 = (0, 0, 1, 6, 5, 3, 4, IGNORE)


def _chain(first: Mapping[int, int], second: tuple[int, ...]) -> dict[int, int]:
    return {k: IGNORE if v == IGNORE else second[v] for k, v in first.items()}


def _identity(n: int) -> dict[int, int]:
    return {i: i for i in range(n)} | {IGNORE: IGNORE}


# REMAPS[source][target]: value in the source's files -> id in the target taxonomy. Values outside are errors.
REMAPS: Mapping[str, Mapping[str, Mapping[int, int]]] = {
    "cityscapes_label_ids": {
        "street8": _chain(_LABEL_IDS_TO_19, _19_TO_STREET8),
        "cityscapes19": _LABEL_IDS_TO_19,
        "cityscapes7": _chain(_LABEL_IDS_TO_19, _19_TO_7),
    },
    "camvid11": {
        "street8": dict(enumerate((6, 2, 7, 0, 1, 5, 7, 7, 3, 4, 4, IGNORE))),
        "cityscapes7": dict(enumerate((4, 1, 2, 0, 0, 3, 2, 1, 6, 5, 5, IGNORE))),
    },
    "cityscapes19": {
        "street8": _chain(_identity(19), _19_TO_STREET8),
        "cityscapes19": _identity(19),
        "cityscapes7": _chain(_identity(19), _19_TO_7),
    },
    "street8": {"street8": _identity(8), "cityscapes7": _chain(_identity(8), _STREET8_TO_7)},
    "cityscapes7": {"cityscapes7": _identity(7)},
}


def remap_for(source: str, target: str) -> Mapping[int, int]:
    """The remap from a source's label values to a taxonomy's ids.

    Raises:
        RemapError: no such remap; the message lists those there are.
    """
    try:
        return REMAPS[source][target]
    except KeyError:
        known = ", ".join(f"{s} -> {t}" for s, targets in REMAPS.items() for t in targets)
        raise RemapError(f"no remap {source} -> {target}; there are: {known}") from None


def grouping(fine: Taxonomy, coarse: Taxonomy) -> tuple[int, ...] | None:
    """The class of a coarser set that each class of a finer one belongs to, by id; None where it is no grouping.

    Each class must have a place: a class that would be ignored could not be predicted.

    Example:
        >>> grouping(CITYSCAPES19, CITYSCAPES7)[:4], grouping(STREET8, CITYSCAPES7)
        ((0, 0, 1, 1), None)
    """
    if fine.same_classes(coarse):
        return tuple(range(len(fine.classes)))
    if (groups := fine.groups.get(coarse.id)) and set(groups) <= set(coarse.names):
        place = {name: coarse.names.index(group) for group, names in groups.items() for name in names}
        return tuple(place[name] for name in fine.names)
    known_fine, known_coarse = TAXONOMIES.get(fine.id), TAXONOMIES.get(coarse.id)
    if known_fine is None or known_coarse is None:
        return None
    if not (fine.same_classes(known_fine) and coarse.same_classes(known_coarse)):
        return None  # others of the same name
    table = REMAPS[fine.id].get(coarse.id, {})
    places = tuple(table.get(c.id, IGNORE) for c in fine.classes)
    return None if IGNORE in places else places


def common_of(taxonomies: Sequence[Taxonomy]) -> Taxonomy | None:
    """The set in which scores of all can be set side by side: the one among them that groups the others, if any."""
    return next((one for one in taxonomies if all(grouping(other, one) is not None for other in taxonomies)), None)


def apply_remap(
    label_HW: npt.NDArray[np.uint8], remap: Mapping[int, int], *, name: str | Path = "label"
) -> npt.NDArray[np.uint8]:
    """Map a label file's values through a remap.

    Args:
        label_HW: uint8 values as stored in the file.
        remap: value -> target id, for every value that may occur.
        name: what to call the label in an error, usually its path.

    Returns:
        uint8 array of the same shape in the target taxonomy, 255 where ignored.

    Raises:
        LabelValueError: a value is outside the table; names the file and the values.
    """
    from back.runtime.class_counts import count_labels  # numba, for which no command's help should wait

    present = np.flatnonzero(count_labels(label_HW))
    unknown = [int(v) for v in present if int(v) not in remap]
    if unknown:
        raise LabelValueError(
            f"{name}: label value {', '.join(map(str, unknown[:8]))} is not in the table "
            f"(known: {_ranges(sorted(remap))}); check that the file holds the ids of its source, "
            "not trainIds or colours"
        )
    table = np.full(256, IGNORE, np.uint8)
    table[list(remap)] = list(remap.values())
    return np.take(table, label_HW)


def _ranges(values: list[int]) -> str:
    """`[0, 1, 2, 5]` -> `0-2, 5`."""
    parts: list[list[int]] = []
    for v in values:
        if parts and v == parts[-1][1] + 1:
            parts[-1][1] = v
        else:
            parts.append([v, v])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts)
