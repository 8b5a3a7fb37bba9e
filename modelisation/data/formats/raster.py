"""Label pictures: from a PNG of colours, palette indices or ids to names."""

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from back.runtime.labels.read import pack_colours
from back.runtime.labels.source import Colour
from modelisation.data.base import DatasetError
from modelisation.data.formats.base import UNLABELLED, LabelMap

_MOST_COLOURS = 4096
_INTS = re.compile(r"-?\d+")


def by_colours(path: Path, names: Mapping[Colour, str]) -> LabelMap:
    """A label picture whose colours are classes, as RGB or with a palette; others are called `rgb(r, g, b)`."""
    with _open(path) as image:
        picture = np.asarray(image.convert("RGB"))
    found, inverse = np.unique(pack_colours(picture), return_inverse=True)
    if len(found) > _MOST_COLOURS:
        raise DatasetError(f"{path}: {len(found)} colours are no label picture; was it saved as JPEG, or smoothed?")
    colours = [(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in found]
    named = {i: names.get(c, f"rgb({c[0]}, {c[1]}, {c[2]})") for i, c in enumerate(colours)}
    return LabelMap(inverse.reshape(picture.shape[:2]).astype(np.uint16), named)


def by_values(path: Path, names: Mapping[int, str]) -> LabelMap:
    """A label picture whose grey values or palette indices are ids; others are called `value n`."""
    with _open(path) as image:
        stored = np.asarray(image)
    if stored.ndim == 3:
        if not (stored[..., :1] == stored[..., :3]).all():
            raise DatasetError(f"{path}: a colour picture, wanted one channel of ids")
        stored = stored[..., 0]
    values = stored.astype(np.uint16)
    return LabelMap(values, {int(v): names.get(int(v), f"value {v}") for v in np.unique(values)})


def colour_table(path: Path) -> dict[str, Colour]:
    """Names and colours of a table in one of the usual forms, in its order; `UNLABELLED` for no name.

    `128 64 128 Road` (CamVid's label_colors.txt), `road:128,64,128::` (CVAT's labelmap.txt), `name,r,g,b` (a CSV
    with or without a head), `road #804080`.

    Raises:
        DatasetError: a line is none of these, or a name or a colour stands twice.
    """
    table: dict[str, Colour] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#") or _is_head(line):
            continue
        name, colour = _entry(line)
        if colour is None or max(colour) > 255:
            raise DatasetError(f"{path}: line {number} is no name with a colour: {line[:60]}")
        if name in table or colour in table.values():
            raise DatasetError(f"{path}: line {number}: the name {name!r} or its colour stands twice")
        table[name] = colour
    if not table:
        raise DatasetError(f"{path}: names no class")
    return table


def value_table(path: Path) -> dict[int, str]:
    """Values and names of a CSV such as Roboflow's `_classes.csv` (`Pixel Value, Class`).

    Raises:
        DatasetError: a line is no value with a name.
    """
    table: dict[int, str] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        value, _, name = (part.strip() for part in line.partition(","))
        if not line.strip() or (number == 1 and not value.isdigit()):
            continue
        if not value.isdigit() or not name or int(value) in table:
            raise DatasetError(f"{path}: line {number} is no value with a name of its own: {line[:60]}")
        table[int(value)] = name
    return table


def names_by_colour(table: Mapping[str, Colour], unlabelled: Iterable[str] = ()) -> dict[Colour, str]:
    """Colour -> name; names among `unlabelled`, in any case, mean no label."""
    none = {name.casefold() for name in unlabelled}
    return {colour: UNLABELLED if name.casefold() in none else name for name, colour in table.items()}


def _is_head(line: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_ ]*name[A-Za-z_ ]*([,;\t ]+[A-Za-z_ ]+)+", line)) and not _INTS.search(line)


def _entry(line: str) -> tuple[str, Colour | None]:
    if match := re.fullmatch(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(.+)", line):
        return match[4].strip(), (int(match[1]), int(match[2]), int(match[3]))
    if match := re.fullmatch(r"([^:]+):(\d+),(\d+),(\d+)(:.*)?", line):
        return match[1].strip(), (int(match[2]), int(match[3]), int(match[4]))
    if match := re.fullmatch(r"(.+?)[\s,;]+#([0-9a-fA-F]{6})", line):
        r, g, b = bytes.fromhex(match[2])
        return match[1].strip(), (r, g, b)
    if match := re.fullmatch(r"(.+?)[\s,;]+(\d+)[\s,;]+(\d+)[\s,;]+(\d+)", line):
        return match[1].strip(), (int(match[2]), int(match[3]), int(match[4]))
    return "", None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not a readable table ({error})") from error


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(path.read_bytes()), formats=("PNG",))
        image.load()
    except Exception as error:  # a damaged file makes decoders fail in many ways
        raise DatasetError(f"{path}: not a readable label file ({error}); replace it") from error
    return image
