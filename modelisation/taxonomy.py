"""Class sets and every remap between them, as data: the same tables that the API reads labels with."""

from back.runtime.taxonomy import (
    CITYSCAPES7,
    CITYSCAPES19,
    CITYSCAPES_LABEL_IDS,
    CITYSCAPES_TRAIN_LABEL_IDS,
    IGNORE,
    REMAPS,
    STREET8,
    TAXONOMIES,
    LabelValueError,
    RemapError,
    apply_remap,
    remap_for,
)

__all__ = [
    "CITYSCAPES7",
    "CITYSCAPES19",
    "CITYSCAPES_LABEL_IDS",
    "CITYSCAPES_TRAIN_LABEL_IDS",
    "IGNORE",
    "REMAPS",
    "STREET8",
    "TAXONOMIES",
    "LabelValueError",
    "RemapError",
    "apply_remap",
    "remap_for",
]
