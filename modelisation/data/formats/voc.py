"""Pascal VOC: `JPEGImages`, `SegmentationClass`, `ImageSets/Segmentation` (VOC 2012 development kit, section 3).

CVAT's "Segmentation mask 1.1" is the same with a `labelmap.txt` (docs.cvat.ai, "Segmentation mask"). Without one the
palette indices are VOC's twenty classes; 255, the outline, means no label, and so does CVAT's `void`.
"""

from pathlib import Path

from modelisation.data.base import DatasetError
from modelisation.data.formats.base import (
    UNLABELLED,
    Export,
    LabelMap,
    Picture,
    exported,
    images_in,
    paired,
    say_missing,
)
from modelisation.data.formats.raster import by_colours, by_values, colour_table, names_by_colour

TITLE = 'Pascal VOC, or CVAT\'s "Segmentation mask 1.1"'
LABELS, IMAGES, TABLE = "SegmentationClass", "JPEGImages", "labelmap.txt"
_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


def recognises(root: Path) -> bool:
    return (root / LABELS).is_dir()


def read(root: Path) -> Export:
    labels = {name: path for name, path in images_in(root / LABELS).items() if path.suffix.lower() == ".png"}
    images = images_in(root / IMAGES) or images_in(root / "images") or images_in(root)
    if not images:
        raise DatasetError(f"{root / IMAGES}: no pictures; export with images from CVAT, or copy them there")
    table = root / TABLE
    colours = colour_table(table) if table.is_file() else {}
    by_colour = names_by_colour(colours, ("void",))

    def reader(path: Path) -> LabelMap:
        if colours:
            return by_colours(path, by_colour)
        return by_values(path, {**dict(enumerate(_NAMES)), 255: UNLABELLED})

    left_out: list[str] = []
    pictures: list[Picture] = []
    listed = sorted((root / "ImageSets" / "Segmentation").glob("*.txt"))
    splits = {p.stem.lower(): p.read_text(encoding="utf-8").split("\n") for p in listed if p.stem != "trainval"}
    of_name = {line.strip(): split for split, lines in splits.items() for line in lines if line.strip()}
    for split in dict.fromkeys([*splits, ""]):
        name_of = "" if split == "default" else {"validation": "val", "valid": "val"}.get(split, split)
        ours = {name: path for name, path in labels.items() if of_name.get(name, "") == split}
        theirs = {name: path for name, path in images.items() if name in ours}
        pictures += paired(name_of, theirs, ours, reader, left_out)
    say_missing(left_out, "", sorted(images.keys() - labels.keys()), "picture without a label")
    names = [name for name in colours if name.casefold() != "void"] or list(_NAMES)
    return exported(root, TITLE, pictures, names, left_out, {n: c for n, c in colours.items() if n in names})
