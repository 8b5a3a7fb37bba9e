"""Mapillary Vistas 1.2 and 2.0 (Neuhold et al., ICCV 2017; the README of the data set).

`training|validation/images` with `labels` (1.2 alone) or `v1.2/labels` and `v2.0/labels`, palette PNGs whose indices
are places in `labels` of `config.json`, `config_v1.2.json`, `config_v2.0.json`. Where both versions are there, 2.0 is
read. Names are the readable ones; "Unlabeled" means no label.
"""

from pathlib import Path
from typing import Any

from modelisation.data.base import DatasetError
from modelisation.data.class_sets import class_set
from modelisation.data.formats.base import (
    UNLABELLED,
    Export,
    LabelMap,
    Picture,
    exported,
    images_in,
    load_json,
    paired,
)
from modelisation.data.formats.raster import by_values

TITLE = "Mapillary Vistas"
_SPLITS = {"training": "train", "validation": "val", "testing": "test"}
_CONFIGS = (("config_v2.0.json", "v2.0/labels"), ("config_v1.2.json", "v1.2/labels"), ("config.json", "labels"))


def recognises(root: Path) -> bool:
    return _version(root) is not None and any((root / folder / "images").is_dir() for folder in _SPLITS)


def read(root: Path) -> Export:
    version = _version(root)
    if version is None:
        raise DatasetError(f"{root}: no config.json of Mapillary Vistas")
    config, place = version
    entries = _entries(config)
    table = {i: UNLABELLED if name == "unlabeled" else name for i, (name, _) in enumerate(entries)}

    def reader(path: Path) -> LabelMap:
        return by_values(path, table)

    left_out: list[str] = []
    pictures: list[Picture] = []
    for folder, split in _SPLITS.items():
        labels = images_in(root / folder / place)
        if labels:
            pictures += paired(split, images_in(root / folder / "images"), labels, reader, left_out)
    known = class_set("mapillary")
    names = [name for name, _ in entries if name != "unlabeled"]
    same = tuple(names) == known.taxonomy.names
    return exported(root, TITLE, pictures, names, left_out, dict(entries), known if same else None)


def _version(root: Path) -> tuple[Path, str] | None:
    for config, place in _CONFIGS:
        there = any((root / folder / place).is_dir() for folder in _SPLITS)
        if (root / config).is_file() and there:
            return root / config, place
    return None


def _entries(config: Path) -> list[tuple[str, tuple[int, int, int]]]:
    """Names, in lower case, and colours of a config; of 2.0, where some readable names repeat, the full ones."""
    content: Any = load_json(config)
    try:
        labels = [(one["readable"].lower(), one["name"], tuple(one["color"])) for one in content["labels"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{config}: labels are not as Mapillary Vistas has them ({error})") from error
    readable = [name for name, _, _ in labels]
    return [(full if readable.count(name) > 1 else name, colour) for name, full, colour in labels]
