"""BDD100K's semantic segmentation (doc.bdd100k.com/format.html, "Semantic Segmentation"): trainIds of Cityscapes.

`images/10k/<split>/<name>.jpg` with `labels/sem_seg/masks/<split>/<name>.png`, and the first release's
`seg/images/<split>` with `seg/labels/<split>/<name>_train_id.png`. 255 means no label.
"""

from pathlib import Path

from modelisation.data.class_sets import class_set
from modelisation.data.formats.base import UNLABELLED, Export, LabelMap, Picture, exported, images_in, paired
from modelisation.data.formats.raster import by_values

TITLE = "BDD100K"
_PLACES = (("images/10k", "labels/sem_seg/masks"), ("seg/images", "seg/labels"))
_ENDING = "_train_id"


def recognises(root: Path) -> bool:
    return any((root / images).is_dir() and (root / labels).is_dir() for images, labels in _PLACES)


def read(root: Path) -> Export:
    known = class_set("cityscapes19")
    table = {**dict(enumerate(known.taxonomy.names)), 255: UNLABELLED}

    def reader(path: Path) -> LabelMap:
        return by_values(path, table)

    left_out: list[str] = []
    pictures: list[Picture] = []
    for images, labels in _PLACES:
        for split in ("train", "val"):
            found = {name.removesuffix(_ENDING): p for name, p in images_in(root / labels / split).items()}
            if found:
                pictures += paired(split, images_in(root / images / split), found, reader, left_out)
    colours = {c.name: c.color for c in known.taxonomy.classes}
    return exported(root, TITLE, pictures, known.taxonomy.names, left_out, colours, known)
