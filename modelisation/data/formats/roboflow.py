"""Roboflow's "Semantic Segmentation Masks" export (docs.roboflow.com, export formats): `<name>.jpg` with
`<name>_mask.png` in `train`, `valid` and `test`, and `_classes.csv` with the value of each class.
"""

from pathlib import Path

from modelisation.data.formats.base import UNLABELLED, Export, LabelMap, Picture, exported, images_in, paired
from modelisation.data.formats.raster import by_values, value_table

TITLE = "Roboflow's semantic masks"
TABLE, _SPLITS = "_classes.csv", {"train": "train", "valid": "val", "test": "test"}


def recognises(root: Path) -> bool:
    return any((root / folder / TABLE).is_file() for folder in _SPLITS)


def read(root: Path) -> Export:
    left_out: list[str] = []
    pictures: list[Picture] = []
    names: list[str] = []
    for folder, split in _SPLITS.items():
        if not (root / folder / TABLE).is_file():
            continue
        table = value_table(root / folder / TABLE)
        names += table.values()

        def reader(path: Path, table: dict[int, str] = table) -> LabelMap:
            return by_values(path, {255: UNLABELLED, **table})

        files = images_in(root / folder)
        labels = {name.removesuffix("_mask"): path for name, path in files.items() if name.endswith("_mask")}
        images = {name: path for name, path in files.items() if not name.endswith("_mask")}
        pictures += paired(split, images, labels, reader, left_out)
    return exported(root, TITLE, pictures, names, left_out)
