"""Labelme: a JSON beside each picture (wkentaro/labelme, README "Usage", and its `LabelFile`).

Polygons, rectangles, circles and masks; later shapes lie on top of earlier ones, as Labelme draws them.
"""

import base64
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from modelisation.data.base import DatasetError
from modelisation.data.formats.base import (
    UNLABELLED,
    Export,
    LabelMap,
    Picture,
    exported,
    image_index,
    load_json,
    say_missing,
)
from modelisation.data.formats.shapes import Mask, fill

TITLE = "Labelme's JSON"
_CORNERS = 72  # of a circle


def recognises(root: Path) -> bool:
    return any(_looks_so(path) for path in _files(root)[:3])


def read(root: Path) -> Export:
    pictures, left_out, missing, names = [], [], [], []
    index = image_index(root)
    for path in _files(root):
        if not _looks_so(path):
            left_out.append(f"JSON that is not Labelme's, left out: {path}")
            continue
        content = load_json(path)
        names += [str(shape["label"]) for shape in content["shapes"]]
        image = _image_of(path, content, index)
        if image is None:
            missing.append(path.name)
            continue
        split = path.parent.name if path.parent.name in ("train", "val", "test") else ""
        pictures.append(Picture(path.stem, split, image, path, lambda path=path: _labels(path)))  # type: ignore[misc]
    say_missing(left_out, "", missing, "JSON whose picture is not there")
    return exported(root, TITLE, pictures, sorted(set(names)), left_out)


def _labels(path: Path) -> LabelMap:
    content = load_json(path)
    try:
        size = (int(content["imageHeight"]), int(content["imageWidth"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: says no imageHeight and imageWidth ({error})") from error
    codes = np.zeros(size, np.uint16)
    named = {0: UNLABELLED}
    for shape in content["shapes"]:
        name = str(shape["label"])
        code = next((c for c, n in named.items() if n == name), len(named))
        named[code] = name
        codes[_mask(shape, size, path)] = code
    return LabelMap(codes, named)


def _mask(shape: dict[str, Any], size: tuple[int, int], path: Path) -> Mask:
    kind, points = shape.get("shape_type") or "polygon", np.asarray(shape["points"], np.float64).reshape(-1, 2)
    if kind == "polygon" and len(points) >= 3:
        return fill([points], *size)
    if kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        return fill([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], *size)
    if kind == "circle" and len(points) == 2:
        (x, y), edge = points[0], points[1]
        radius = math.dist(points[0], edge)
        angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        return fill([np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], -1)], *size)
    if kind == "mask" and shape.get("mask") and len(points) == 2:
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"])), formats=("PNG",)) as image:
            part = np.asarray(image.convert("L")) > 0
        left, top = (int(v) for v in points[0])
        mask = np.zeros(size, bool)
        place = mask[max(top, 0) : top + part.shape[0], max(left, 0) : left + part.shape[1]]
        place |= part[max(-top, 0) :, max(-left, 0) :][: place.shape[0], : place.shape[1]]
        return mask
    raise DatasetError(
        f"{path}: the shape {shape['label']!r} is a {kind} of {len(points)} points, which covers no area; draw a "
        "polygon, rectangle, circle or mask"
    )


def _image_of(path: Path, content: dict[str, Any], index: dict[str, Path]) -> Path | None:
    named = Path(str(content.get("imagePath", "")).replace("\\", "/"))
    beside = path.parent / named.name
    return beside if named.name and beside.is_file() else index.get(named.name) or _of_stem(path.stem, index)


def _of_stem(stem: str, index: dict[str, Path]) -> Path | None:
    return next((path for path in index.values() if path.stem == stem), None)


def _files(root: Path) -> list[Path]:
    places = (root, *sorted(p for p in root.iterdir() if p.is_dir()))
    return [path for place in places for path in sorted(place.glob("*.json"))]


def _looks_so(path: Path) -> bool:
    try:
        content = load_json(path)
    except DatasetError:
        return False
    return isinstance(content, dict) and "shapes" in content and "imagePath" in content
