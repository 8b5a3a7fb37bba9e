"""Colours of classes and models, with a palette that red-green colour-blind eyes can tell apart."""

from collections.abc import Sequence
from typing import Any

Rgb = tuple[int, int, int]

# Over a photo, dark grey is what shadows look like: such a class is hatched there, each in its own direction. A grey
# this close to black and to no hue is told from no other by its colour; a test measures it.
_DARK, _GREY = 96, 24
HATCH_LINE, HATCH_OPACITY = (255, 255, 255), 0.38
HATCHES = 3  # rising, falling, crossed; with more dark greys they come again

# Every two classes of a class set stay apart in lightness or along blue-yellow, which red-green colour blindness
# keeps; a test measures it. Classes of the smaller sets share the colour of what they group. Among nineteen the
# colours that are left to choose from are few: their hues say little, their distances are what was searched for.
_SAFE: dict[str, Rgb] = {
    "road": (120, 70, 150),
    "flat": (120, 70, 150),
    "sidewalk": (250, 235, 130),
    "object": (250, 235, 130),
    "building": (165, 160, 155),
    "construction": (165, 160, 155),
    "vehicle": (0, 70, 200),
    "pedestrian": (240, 110, 0),
    "human": (240, 110, 0),
    "vegetation": (0, 110, 70),
    "nature": (0, 110, 70),
    "sky": (150, 205, 255),
    "background": (0, 0, 0),
    # of the nineteen alone
    "person": (255, 255, 9),
    "rider": (106, 192, 11),
    "car": (0, 31, 245),
    "truck": (47, 103, 248),
    "bus": (40, 0, 169),
    "train": (0, 12, 63),
    "motorcycle": (107, 152, 255),
    "bicycle": (177, 255, 255),
    "terrain": (124, 174, 101),
    "pole": (220, 229, 182),
    "traffic light": (77, 123, 0),
    "traffic sign": (0, 0, 13),
    "wall": (49, 32, 0),
    "fence": (72, 57, 81),
}

# One dash a run, so that curves that lie on each other or look alike in colour stay apart.
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def class_table(taxonomy: dict[str, Any], *, safe: bool) -> list[dict[str, Any]]:
    """Name and colour of each class id, in order: `[{"name", "color": [r, g, b]}]`, and `hatch`, 0 to `HATCHES` - 1,
    where the colour alone looks like a shadow over a photo.

    A set with a class that has no safe colour keeps its own: with half of them replaced, two might look alike.
    """
    safe = safe and all(c["name"] in _SAFE for c in taxonomy["classes"])
    table: list[dict[str, Any]] = []
    hatched = 0
    for c in taxonomy["classes"]:
        table.append({"name": c["name"], "color": list(_SAFE[c["name"]] if safe else c["color"])})
        if looks_like_shadow(table[-1]["color"]):
            table[-1]["hatch"] = hatched % HATCHES
            hatched += 1
    return table


def looks_like_shadow(rgb: Sequence[int]) -> bool:
    """Whether a colour that lies over a photo cannot be told from a dark spot of the photo."""
    return max(rgb) <= _DARK and max(rgb) - min(rgb) <= _GREY


def css(rgb: Sequence[int]) -> str:
    """`(0, 70, 190)` -> `#0046be`."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
