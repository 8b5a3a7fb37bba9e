"""Exports of other tools written as our plain layout: images/, labels/ of ids, classes.yaml."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from back.runtime.errors import UserError
from back.runtime.layouts.recognise import layout_of
from modelisation.data.base import DatasetError, read_rgb
from modelisation.data.class_files import ClassSet
from modelisation.data.class_sets import class_set
from modelisation.data.exports import ids_of
from modelisation.data.formats.base import UNLABELLED, Export, Picture
from modelisation.data.formats.naming import Naming, name_classes, parse_maps, refuse_unknown
from modelisation.data.formats.table import FORMATS, format_of


@dataclass(frozen=True)
class Survey:
    """What an export's labels hold: pixels of each name, and of no label; all names have a class."""

    export: Export
    naming: Naming
    pixels: dict[str, int]

    @property
    def without_label(self) -> float:
        """Share of the pixels that end up without a label."""
        ignored = sum(n for name, n in self.pixels.items() if self.naming.ids[name] == 255)
        return ignored / max(1, sum(self.pixels.values()))


def survey(root: Path, maps: Sequence[str], classes: str | None) -> Survey:
    """Read every label of an export once, before anything is written.

    Raises:
        DatasetError: the folder is in no format that is known, or a file cannot be read.
        NamesError: names or colours have no class; lists them with their pixels.
    """
    form = format_of(root)
    if form is None:
        raise DatasetError(_not_known(root))
    export = form.read(root)
    wanted: ClassSet | None = class_set(classes) if classes else None
    naming = name_classes(export, parse_maps(maps), wanted)
    pixels: dict[str, int] = {}
    for picture in tqdm(export.pictures, "reading labels", unit="img"):
        labels = picture.read()
        counts = np.bincount(labels.codes.reshape(-1))
        for code in np.flatnonzero(counts).tolist():
            pixels[labels.names[code]] = pixels.get(labels.names[code], 0) + int(counts[code])
    refuse_unknown(f"{root} ({form.TITLE})", pixels, "pixels", naming)
    unused = sorted(set(parse_maps(maps)) - set(pixels) - {"unlabelled"} - set(export.names))
    if unused:
        raise UserError(f"--map {unused[0]}=…: the labels hold no such name; they hold {', '.join(sorted(pixels))}")
    return Survey(export, naming, pixels)


def label_of(picture: Picture, naming: Naming) -> np.ndarray:
    """The ids of a picture's label, uint8 [H, W], checked to lie on the picture.

    Raises:
        DatasetError: picture and label differ in size.
    """
    ids = ids_of(picture.read(), naming, picture.label)
    height, width = read_rgb(picture.image).shape[:2]
    if ids.shape != (height, width):
        raise DatasetError(
            f"{picture.label}: label is {ids.shape[1]}x{ids.shape[0]} but {picture.image.name} is {width}x{height}; "
            "both must have the same size"
        )
    return ids


def splits_of(export: Export) -> list[str]:
    """The splits of an export; none where a picture has no split."""
    splits = sorted({picture.split for picture in export.pictures})
    return [] if UNLABELLED in splits else splits


def _not_known(root: Path) -> str:
    if not root.is_dir():
        return f"{root}: no such folder; give the folder that was exported, unpacked"
    layout = layout_of(root)
    if layout is not None:
        return f"{root}: is in the layout {layout.KIND} already, which is read as it is; nothing to convert"
    return f"{root}: in no format that is known ({', '.join(one.TITLE for one in FORMATS)}); unpack the export first"
