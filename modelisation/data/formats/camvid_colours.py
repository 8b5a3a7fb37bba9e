"""CamVid with colours: the 32 classes of the data set's `label_colors.txt`, and CVAT's "CamVid 1.0".

CVAT writes `<subset>/`, `<subset>annot/` and `label_colors.txt` (docs.cvat.ai, "CamVid"); the data set itself
(mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid) and its copies have `<name>_L.png` beside or in a folder of
labels, the table sometimes as `class_dict.csv`. The SegNet tutorial's copy holds ids and is read as such.
"""

import re
from pathlib import Path

from PIL import Image

from modelisation.data.base import DatasetError
from modelisation.data.class_sets import class_set
from modelisation.data.formats.base import Export, LabelMap, Picture, exported, images_in, paired
from modelisation.data.formats.raster import by_colours, colour_table, names_by_colour

TITLE = 'CamVid in colours, or CVAT\'s "CamVid 1.0"'
TABLES = ("label_colors.txt", "class_dict.csv")
_VOID = ("void", "unlabelled", "unlabeled")


def recognises(root: Path) -> bool:
    return _table(root) is not None and any(_in_colour(labels) for _, _, labels in _folders(root))


def read(root: Path) -> Export:
    table = _table(root)
    if table is None:
        raise DatasetError(f"{root}: no {' or '.join(TABLES)}, which names the colours")
    colours = colour_table(table)
    by_colour = names_by_colour(colours, _VOID)

    def reader(path: Path) -> LabelMap:
        return by_colours(path, by_colour)

    left_out: list[str] = []
    pictures: list[Picture] = []
    for split, images, labels in _folders(root):
        named = {name.removesuffix("_L"): path for name, path in labels.items()}
        pictures += paired(split, images, named, reader, left_out)
    names = [name for name in colours if name.casefold() not in _VOID]
    known = class_set("camvid32")
    is_camvid = {name: colours[name] for name in names} == {c.name: c.color for c in known.taxonomy.classes}
    shown = {name: colour for name, colour in colours.items() if name in names}
    return exported(root, TITLE, pictures, names, left_out, shown, known if is_camvid else None)


def _table(root: Path) -> Path | None:
    return next((root / name for name in TABLES if (root / name).is_file()), None)


def _folders(root: Path) -> list[tuple[str, dict[str, Path], dict[str, Path]]]:
    """Split, pictures and labels of each pair of folders: `train` with `trainannot` or `train_labels`, or two."""
    folders = {path.name: path for path in sorted(root.iterdir()) if path.is_dir()}
    found = []
    for name, path in folders.items():
        stem = re.sub(r"(annot|_?labels)$", "", name)
        if stem != name and stem in folders:
            split = {"valid": "val", "validation": "val"}.get(stem.lower(), stem.lower())
            split = split if split in ("train", "val", "test") else ""
            found.append((split, images_in(folders[stem]), images_in(path)))
    if found:
        return found
    labels = next((p for n, p in folders.items() if re.search(r"label", n, re.I)), None)
    images = next((p for n, p in folders.items() if p != labels and images_in(p)), None)
    return [("", images_in(images), images_in(labels))] if images and labels else []


def _in_colour(labels: dict[str, Path]) -> bool:
    """By the first label: SegNet's ids are grey."""
    for path in labels.values():
        try:
            with Image.open(path) as image:
                return image.mode in ("RGB", "RGBA", "P")
        except OSError:
            return False
    return False
