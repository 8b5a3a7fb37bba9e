"""The canvas viewer: photo and class maps go to the browser once, and every change of view happens there.

Opacity, isolating a class, the before/after divider and reading the class under the pointer need no rerun.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from front.ui.components import component

View = Literal["overlay", "layers", "wipe", "pair"]
HINT = "Point at a picture to read the class there. Press a class below to see it alone. Double-click to zoom in."

_mount = component(
    "streetseg_viewer",
    Path(__file__).parent,
    "canvas",
    ("paint.js", "zoom.js", "panels.js", "controls.js", "mount.js"),
)


@dataclass(frozen=True)
class Layer:
    """One class map over the photo.

    Attributes:
        map_png: 8-bit grey PNG of ids, at the preview's size.
        classes: name and colour by id.
        note: a few words beside the title, such as the latency.
        alt: what the picture shows, for those who cannot see it.
    """

    title: str
    map_png: bytes
    classes: Sequence[Mapping[str, Any]]
    alt: str
    note: str = ""


def describe_shares(title: str, shares: Mapping[str, float]) -> str:
    """`DeepLabV3+ sees road 41 %, sky 20 %, ….` with the five largest classes."""
    largest = sorted(shares.items(), key=lambda item: -item[1])[:5]
    return f"{title} sees " + ", ".join(f"{name} {share:.0%}" for name, share in largest if share >= 0.005) + "."


def show(
    *,
    photo_jpeg: bytes,
    preview_size: tuple[int, int],
    full_size: tuple[int, int],
    photo_alt: str,
    layers: Sequence[Layer],
    views: Sequence[View],
    key: str,
    memory: str = "photo",
) -> None:
    """Mount the viewer; sizes are (width, height). The map of every layer has the preview's size.

    Args:
        memory: viewers of one memory share view, opacity and the classes shown alone, over a change of page too.
    """
    content = {
        "photo": {
            "base64": _b64(photo_jpeg),
            "id": hashlib.sha256(photo_jpeg).hexdigest()[:16],
            "width": preview_size[0],
            "height": preview_size[1],
            "fullWidth": full_size[0],
            "fullHeight": full_size[1],
            "alt": photo_alt,
        },
        "layers": [
            {
                "title": layer.title,
                "base64": _b64(layer.map_png),
                "classes": [dict(c) for c in layer.classes],
                "alt": layer.alt,
                "note": layer.note,
            }
            for layer in layers
        ],
        "views": [view for view in views if view != "pair" or len(layers) > 1],
        "hint": HINT,
        "memory": memory,
    }
    identity = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    _mount(data={"id": identity, **content}, key=key)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
