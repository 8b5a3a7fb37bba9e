"""Plain folders of other habits: `<name>_mask.png` beside each picture, or a folder of masks, as ids or as
colours.

What the colours or ids mean stands in a table beside them: `classes.yaml` of this project, `class_dict.csv`,
`classes.csv`, `label_colors.txt`, `labelmap.txt`, `colors.txt` (see `raster.colour_table`). Without one the names are
`value 0`, `rgb(…)`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from modelisation.data.base import DatasetError
from modelisation.data.class_sets import of_folder
from modelisation.data.formats.base import UNLABELLED, Export, LabelMap, Picture, exported, images_in, paired
from modelisation.data.formats.raster import by_colours, by_values, colour_table, names_by_colour, value_table

TITLE = "a folder of pictures and masks"
SUFFIXES = ("_mask", "-mask", "_label", "_labels", "_seg", "_gt")
_FOLDERS = ("masks", "mask", "annotations", "labels", "gt", "segmentation")
_TABLES = ("class_dict.csv", "classes.csv", "_classes.csv", "label_colors.txt", "labelmap.txt", "colors.txt")
_VOID = ("void", "unlabelled", "unlabeled", "ignore")


def recognises(root: Path) -> bool:
    return any(images and labels for _, images, labels in _pairs(root)) and not _is_ours(root)


def read(root: Path) -> Export:
    reader, names, colours = _reader(root)
    left_out: list[str] = []
    pictures: list[Picture] = []
    for split, images, labels in _pairs(root):
        pictures += paired(split, images, labels, reader, left_out)
    if not names and pictures:
        found: dict[str, None] = {}
        for picture in pictures:
            found |= dict.fromkeys(name for name in picture.read().names.values() if name != UNLABELLED)
        names = sorted(found, key=lambda name: (len(name), name))
    return exported(root, TITLE, pictures, names, left_out, colours)


def _reader(root: Path) -> tuple[Callable[[Path], LabelMap], list[str], dict[str, tuple[int, int, int]]]:
    """How a mask is read, the names and the colours."""
    own = of_folder(root)
    if own is not None:
        classes = own.taxonomy
        ids = {v: UNLABELLED if i == 255 else classes.names[i] for v, i in own.own.items()}
        shown = {c.color: c.name for c in classes.classes}
        shown |= {colour: ids[value] for colour, value in own.colours.items()}
        return _either(shown, ids), list(classes.names), {c.name: c.color for c in classes.classes}
    path = next((root / name for name in _TABLES if (root / name).is_file()), None)
    if path is None:
        return _either({}, {255: UNLABELLED}), [], {}
    try:
        colours = colour_table(path)
    except DatasetError:
        values = value_table(path)
        return _either({}, {255: UNLABELLED, **values}), list(values.values()), {}
    names = [name for name in colours if name.casefold() not in _VOID]
    shown = names_by_colour(colours, _VOID)
    return _either(shown, {255: UNLABELLED}), names, {name: colours[name] for name in names}


def _either(shown: dict[tuple[int, int, int], str], ids: dict[int, str]) -> Callable[[Path], LabelMap]:
    def reader(path: Path) -> LabelMap:
        return by_colours(path, shown) if shown and _is_coloured(path) else _plain(path, shown, ids)

    return reader


def _plain(path: Path, shown: dict[tuple[int, int, int], str], ids: dict[int, str]) -> LabelMap:
    return by_colours(path, shown) if _is_coloured(path) else by_values(path, ids)


def _is_coloured(path: Path) -> bool:
    """Whether a mask shows colours: RGB whose channels differ, or a palette that is not grey."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("RGB", "RGBA", "P"):
                return False
            rgb = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{path}: not a readable label file ({error}); replace it") from error
    return bool((rgb != rgb[..., :1]).any())


def _pairs(root: Path) -> list[tuple[str, dict[str, Path], dict[str, Path]]]:
    """Split, pictures and masks, of the root and of each split's folder."""
    found = []
    for split, folder in (("", root), ("train", root / "train"), ("val", root / "val"), ("test", root / "test")):
        files = images_in(folder)
        masks = {_stem(name): path for name, path in files.items() if _stem(name) != name}
        images = {name: path for name, path in files.items() if _stem(name) == name}
        apart = images_in(folder / "images")
        if not masks and apart:
            masks = {_stem(name): path for name, path in apart.items() if _stem(name) != name}
            images = {name: path for name, path in apart.items() if _stem(name) == name}
            other = next((folder / name for name in _FOLDERS if images_in(folder / name)), None)
            if not masks and other is not None:
                masks = {_stem(name): path for name, path in images_in(other).items()}
        found.append((split, images, {n: p for n, p in masks.items() if p.suffix.lower() == ".png"}))
    return found


def _is_ours(root: Path) -> bool:
    """images/ with labels/ of the same names, and no table but classes.yaml: read as it lies, faults and all."""
    if any((root / name).is_file() for name in _TABLES):
        return False
    labels = [(name, path) for _, images, found in _pairs(root) for name, path in found.items() if name in images]
    return any(path.parent.name == "labels" and path.stem == name for name, path in labels)


def _stem(name: str) -> str:
    return next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end) and name != end), name)
