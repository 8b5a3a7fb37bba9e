"""The canvas viewer: photo and class maps go to the browser once, and every change of view happens there.

Opacity, isolating a class, the before/after divider and reading the class under the pointer need no rerun.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from front.ui.components import component

View = Literal["overlay", "layers", "wipe", "pair", "sure"]
HINT = "Point at a picture to read the class there. Press a class below to see it alone. Double-click to zoom in."

_SCRIPTS = ("paint.js", "zoom.js", "panels.js", "sure.js", "controls.js", "mount.js")
_mount = component("streetseg_viewer", Path(__file__).parent, "canvas", _SCRIPTS)


@dataclass(frozen=True)
class Layer:
    """One class map over the photo.

    Attributes:
        map_png: 8-bit grey PNG of ids, at the preview's size.
        classes: name and colour by id.
        note: a few words beside the title, such as the latency.
        alt: what the picture shows, for those who cannot see it.
        sure_png: 8-bit grey PNG of the probability of each pixel's class, 255 is certain, at the preview's size; None
            where it was not asked for.
    """

    title: str
    map_png: bytes
    classes: Sequence[Mapping[str, Any]]
    alt: str
    note: str = ""
    sure_png: bytes | None = None


@dataclass(frozen=True)
class Sureness:
    """What the view `sure` needs beside the layers.

    Attributes:
        asked: whether the layers' `sure_png` are asked for.
        below: confidence, 0..1, below which a pixel counts as unsure until the reader moves the slider.
        key: sentences that say how to read the view.
        changed: called with whether the reader looks at the view; then comes a rerun.
    """

    asked: bool
    below: float
    key: Sequence[str]
    changed: Callable[[bool], None]


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
    sureness: Sureness | None = None,
) -> None:
    """Mount the viewer; sizes are (width, height). The map of every layer has the preview's size.

    Args:
        memory: viewers of one memory share view, opacity and the classes shown alone, over a change of page too.
        sureness: where the view `sure` is offered.
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
                "sure": layer.sure_png and _b64(layer.sure_png),
            }
            for layer in layers
        ],
        "views": [view for view in views if view != "pair" or len(layers) > 1],
        "hint": HINT,
        "memory": memory,
    }
    identity = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    data = {"id": identity, **content, "sure": None}
    if sureness is None:
        _mount(data=data, key=key)
        return
    told = sureness.changed
    # Whether it was asked for is no part of the identity: it changes nothing that is seen.
    data["sure"] = {"asked": sureness.asked, "below": sureness.below, "key": list(sureness.key)}
    _mount(data=data, key=key, on_sure_change=lambda: told(bool(getattr(st.session_state[key], "sure", False))))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
