"""Label Studio's JSON export, polygons, rectangles and brushes (labelstud.io/guide/export, "JSON", and its
annotation results).

One JSON is a list of tasks; polygons are in per cent of the picture, brushes in Label Studio's own RLE. The pictures
of the project must lie beside it: uploads are found with or without the prefix that Label Studio gives their names.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

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
from modelisation.data.formats.shapes import Mask, fill, from_label_studio

TITLE = "Label Studio's JSON"
_KINDS = ("polygonlabels", "brushlabels", "rectanglelabels")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")


def recognises(root: Path) -> bool:
    return any(_looks_so(path) for path in root.glob("*.json"))


def read(root: Path) -> Export:
    pictures: list[Picture] = []
    left_out: list[str] = []
    missing, names, empty = [], [], []
    index = image_index(root)
    for path in sorted(p for p in root.glob("*.json") if _looks_so(p)):
        for task in load_json(path):
            results = _results(task, path)
            where = _where(task, path)
            image = index.get(where) or index.get(_UPLOAD.sub("", where))
            if image is None:
                missing.append(where)
            elif not results:
                empty.append(where)
            else:
                names += [result["value"][result["type"]][0] for result in results]
                pictures.append(Picture(image.stem, "", image, path, lambda r=results, p=path: _labels(r, p)))  # type: ignore[misc]
    say_missing(left_out, "", missing, "task whose picture is not there")
    say_missing(left_out, "", empty, "task without a finished annotation")
    return exported(root, TITLE, pictures, sorted(set(names)), left_out)


def _labels(results: list[dict[str, Any]], path: Path) -> LabelMap:
    size = (int(results[0]["original_height"]), int(results[0]["original_width"]))
    codes = np.zeros(size, np.uint16)
    named = {0: UNLABELLED}
    for result in results:
        name = str(result["value"][result["type"]][0])
        code = next((c for c, n in named.items() if n == name), len(named))
        named[code] = name
        codes[_mask(result, size, path)] = code
    return LabelMap(codes, named)


def _mask(result: dict[str, Any], size: tuple[int, int], path: Path) -> Mask:
    value, scale = result["value"], np.array([size[1], size[0]]) / 100
    if result["type"] == "polygonlabels":
        return fill([np.asarray(value["points"], np.float64) * scale], *size)
    if result["type"] == "rectanglelabels":
        if value.get("rotation"):
            raise DatasetError(f"{path}: result {result.get('id')} is a turned rectangle; draw a polygon")
        x, y = value["x"], value["y"]
        right, below = x + value["width"], y + value["height"]
        return fill([np.array([[x, y], [right, y], [right, below], [x, below]]) * scale], *size)
    if value.get("format") != "rle":
        raise DatasetError(
            f"{path}: result {result.get('id')} is a brush in the form {value.get('format')!r}, wanted rle"
        )
    return from_label_studio(value["rle"], *size, f"{path}: result {result.get('id')}")


def _results(task: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """The shapes of a task's newest annotation that was not cancelled.

    Raises:
        DatasetError: a shape covers no area.
    """
    done = [one for one in task["annotations"] if not one.get("was_cancelled")]
    results = done[-1]["result"] if done else []
    if other := sorted(
        {r["type"] for r in results if r.get("type") not in _KINDS and str(r.get("type")).endswith("labels")}
    ):
        raise DatasetError(f"{path}: task {task.get('id')} holds {', '.join(other)}; wanted {', '.join(_KINDS)}")
    return [r for r in results if r.get("type") in _KINDS and r["value"].get(r["type"])]


def _where(task: dict[str, Any], path: Path) -> str:
    """File name of a task's picture: of an address, of an upload, or of `/data/local-files/?d=photos/a.jpg`."""
    places = [
        v
        for v in task.get("data", {}).values()
        if isinstance(v, str) and re.search(r"\.(jpe?g|png|webp|heic|heif|avif)$", v, re.I)
    ]
    if not places:
        raise DatasetError(f"{path}: task {task.get('id')} names no picture")
    parts = urlsplit(places[0])
    return Path(unquote(parse_qs(parts.query).get("d", [parts.path])[0])).name


def _looks_so(path: Path) -> bool:
    if not head_of(path).startswith("["):
        return False
    try:
        content = load_json(path)
    except DatasetError:
        return False
    return (
        isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "annotations" in content[0]
    )
