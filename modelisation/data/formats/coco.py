"""COCO's instances JSON: polygons, and RLE compressed or not (cocodataset.org/#format-data), Roboflow's COCO among
them.

Labels lie in `annotations/instances_<split>.json`, in any JSON beside the pictures, or in
`<split>/_annotations.coco.json`. Where objects overlap, the smaller one is on top.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from modelisation.data.base import DatasetError
from modelisation.data.formats.base import (
    UNLABELLED,
    Export,
    LabelMap,
    Picture,
    exported,
    head_of,
    image_index,
    load_json,
    say_missing,
)
from modelisation.data.formats.shapes import Mask, fill, from_rle

TITLE = "COCO's JSON"
_KEYS = {"images", "annotations", "categories"}


def recognises(root: Path) -> bool:
    return bool(_files(root))


def read(root: Path) -> Export:
    pictures: list[Picture] = []
    left_out: list[str] = []
    names: list[str] = []
    index = image_index(root)
    for path in _files(root):
        content = load_json(path)
        categories = _categories(content, path)
        names += categories.values()
        by_image: dict[int, list[dict[str, Any]]] = {}
        for annotation in content["annotations"]:
            by_image.setdefault(annotation["image_id"], []).append(annotation)
        missing = []
        split = _split_of(path, root)
        for image in content["images"]:
            found = _find(index, image["file_name"], path, root)
            if found is None:
                missing.append(str(image["file_name"]))
                continue
            shapes = by_image.get(image["id"], [])
            size = (int(image["height"]), int(image["width"]))
            read_it = _reader(path, size, shapes, categories)
            pictures.append(Picture(Path(image["file_name"]).stem, split, found, path, read_it))
        say_missing(left_out, split, missing, "picture of the JSON that is not there")
    return exported(root, TITLE, pictures, names, left_out)


def _reader(path: Path, size: tuple[int, int], shapes: list[dict[str, Any]], categories: dict[int, str]) -> Any:
    def read_it() -> LabelMap:
        codes = np.zeros(size, np.uint16)
        named = {0: UNLABELLED}
        masks = [(_mask(one, size, path), one) for one in shapes]
        for mask, one in sorted(masks, key=lambda pair: -int(pair[0].sum())):
            if one["category_id"] not in categories:
                raise DatasetError(
                    f"{path}: annotation {one.get('id')} is of category {one['category_id']}, not listed"
                )
            name = categories[one["category_id"]]
            code = next((c for c, n in named.items() if n == name), len(named))
            named[code] = name
            codes[mask] = code
        return LabelMap(codes, named)

    return read_it


def _mask(annotation: dict[str, Any], size: tuple[int, int], path: Path) -> Mask:
    shape = annotation.get("segmentation")
    name = f"{path}: annotation {annotation.get('id')}"
    if isinstance(shape, dict):
        if list(shape["size"]) != list(size):
            raise DatasetError(f"{name}: its RLE is of size {shape['size']}, its picture of {list(size)}")
        return from_rle(shape["counts"], *size, name)
    if isinstance(shape, list) and shape:
        mask = np.zeros(size, bool)
        for ring in shape:  # parts of one object, not holes
            if len(ring) < 6 or len(ring) % 2:
                raise DatasetError(
                    f"{name}: a polygon of {len(ring)} numbers, wanted x and y of three corners or more"
                )
            mask |= fill([ring], *size)
        return mask
    raise DatasetError(f"{name}: has no segmentation, only a box; export polygons or masks")


def _categories(content: dict[str, Any], path: Path) -> dict[int, str]:
    try:
        return {int(one["id"]): str(one["name"]) for one in content["categories"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: categories are not as COCO has them ({error})") from error


def _files(root: Path) -> list[Path]:
    places = (root, root / "annotations", *sorted(p for p in root.iterdir() if p.is_dir()))
    paths = dict.fromkeys(path for place in places if place.is_dir() for path in sorted(place.glob("*.json")))
    return [path for path in paths if _looks_so(path)]


def _looks_so(path: Path) -> bool:
    head = head_of(path)
    if not head.startswith("{") or '"shapes"' in head:
        return False
    try:
        content = load_json(path)
    except DatasetError:
        return False
    return isinstance(content, dict) and content.keys() >= _KEYS


def _split_of(path: Path, root: Path) -> str:
    """`instances_val2017.json` and `valid/_annotations.coco.json` are of `val`; other files have no split."""
    words = re.findall(r"[a-z]+", f"{path.parent.name if path.parent != root else ''} {path.stem}".lower())
    for word, split in (
        ("train", "train"),
        ("val", "val"),
        ("valid", "val"),
        ("validation", "val"),
        ("test", "test"),
    ):
        if word in words:
            return split
    return ""


def _find(index: dict[str, Path], name: str, path: Path, root: Path) -> Path | None:
    beside = path.parent / name
    if beside.is_file() and beside.resolve().is_relative_to(root.resolve()):
        return beside
    return index.get(name) or index.get(Path(name).name)
