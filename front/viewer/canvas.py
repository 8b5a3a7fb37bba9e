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

from front.photos.share import Linking
from front.ui.components import component
from front.ui.palette import HATCH_LINE, HATCH_OPACITY

View = Literal["overlay", "layers", "wipe", "pair", "sure", "errors"]
HINT = "Point at a picture to read the class there. Press a class below to see it alone. Double-click to zoom in."

_SCRIPTS = (
    "paint.js",
    "hatch.js",
    "zoom.js",
    "memory.js",
    "panels.js",
    "sure.js",
    "controls.js",
    "correct.js",
    "mount.js",
)
_mount = component("streetseg_viewer", Path(__file__).parent, "canvas", _SCRIPTS)


@dataclass(frozen=True)
class Layer:
    """One class map over the photo.

    Attributes:
        map_png: 8-bit grey PNG of ids, at the preview's size.
        classes: name, colour and hatch by id, as `front.ui.palette.class_table` gives them.
        note: a few words beside the title, such as the latency.
        alt: what the picture shows, for those who cannot see it.
        sure_png: 8-bit grey PNG of the probability of each pixel's class, 255 is certain, at the preview's size; None
            where it was not asked for.
        truth: whether it is the label, against which the others err.
        model: whose map it is, where it may be corrected.
        kept: what the visitor corrected before: start, length, class id, and so on, over the flat map.
    """

    title: str
    map_png: bytes
    classes: Sequence[Mapping[str, Any]]
    alt: str
    note: str = ""
    sure_png: bytes | None = None
    truth: bool = False
    model: str | None = None
    kept: Sequence[int] | None = None


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
    linking: Linking | None = None,
    corrected: Callable[[Any], None] | None = None,
) -> None:
    """Mount the viewer; sizes are (width, height). The map of every layer has the preview's size.

    Args:
        memory: viewers of one memory share view, opacity and the classes shown alone, over a change of page too.
        sureness: where the view `sure` is offered.
        corrected: called with `{"model", "runs"}` when the visitor keeps what was corrected; then comes a rerun.
        linking: where the page's address can lead somebody else to the same view.
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
                "truth": layer.truth,
                "model": layer.model if corrected is not None else None,
                "kept": None if layer.kept is None else list(layer.kept),
            }
            for layer in layers
        ],
        "views": [view for view in views if _makes_sense(view, layers)],
        "hint": HINT,
        "hatch": {"line": HATCH_LINE, "opacity": HATCH_OPACITY},
        "memory": memory,
    }
    identity = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    data = {"id": identity, **content, "sure": None, "link": None}
    listeners: dict[str, Callable[[], None]] = {}

    def listen(name: str, changed: Callable[[Any], None]) -> None:
        listeners[f"on_{name}_change"] = lambda: changed(getattr(st.session_state[key], name, None))

    # What follows is no part of the identity: it changes nothing that is seen.
    if sureness is not None:
        data["sure"] = {"asked": sureness.asked, "below": sureness.below, "key": list(sureness.key)}
        listen("sure", lambda looks: sureness.changed(bool(looks)))
    if linking is not None:
        data["link"] = {"shared": linking.shared, "start": linking.start}
        listen("settings", linking.changed)
    if corrected is not None:
        listen("corrected", corrected)
    _mount(data=data, key=key, **listeners)


def _makes_sense(view: View, layers: Sequence[Layer]) -> bool:
    if view == "errors":
        return any(layer.truth for layer in layers)
    return view != "pair" or len(layers) > 1


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
