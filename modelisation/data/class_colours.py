"""Colours for classes that come without: as far apart as can be, for red-green blind eyes, too.

Each next colour is the one whose nearest neighbour is farthest: distances in CIELAB, the least of three ways to see,
normal, deuteranopia and protanopia (simulated as in Machado, Oliveira, Fernandes, "A physiologically-based model for
simulation of color vision deficiency", IEEE TVCG 2009, at severity 1). Nothing is drawn at random, so the same
classes get the same colours everywhere.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from back.runtime.labels.source import Colour

Floats = npt.NDArray[np.float64]

_LEVELS = 12  # of red, green and blue
_LIGHTNESS = (20, 92)  # of CIELAB, 0..100: neither black nor white, which photos are full of
_FIRST: Colour = (0, 116, 232)
_VISIONS = (
    np.eye(3),
    np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
)
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def choose_colours(given: Sequence[Colour | None]) -> list[Colour]:
    """A colour for each class: its own where it has one, else one far from all others; RGB 0..255."""
    chosen = {index: colour for index, colour in enumerate(given) if colour is not None}
    if len(chosen) == len(given):
        return list(chosen.values())
    steps = np.linspace(0, 255, _LEVELS).round().astype(int)
    candidates = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    lightness = seen(candidates)[0, :, 0]
    candidates = candidates[(lightness > _LIGHTNESS[0]) & (lightness < _LIGHTNESS[1])]
    places = seen(candidates)
    nearest = np.full(len(candidates), np.inf)
    for colour in chosen.values():
        nearest = np.minimum(nearest, _distances(places, colour))
    for index in range(len(given)):
        if index not in chosen:
            best = candidates[int(nearest.argmax())].tolist() if np.isfinite(nearest).all() else _FIRST
            chosen[index] = (best[0], best[1], best[2])
            nearest = np.minimum(nearest, _distances(places, chosen[index]))
    return [chosen[index] for index in range(len(given))]


def seen(colours: npt.ArrayLike) -> Floats:
    """CIELAB (D65) of sRGB colours 0..255 [N, 3], as normal and red-green blind eyes see them: float64 [3, N, 3]."""
    rgb = np.asarray(colours, np.float64) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.stack([_lab(np.clip(linear @ vision.T, 0, 1)) for vision in _VISIONS])


def _lab(linear: Floats) -> Floats:
    xyz = linear @ _TO_XYZ.T / _TO_XYZ.sum(1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)


def _distances(places: Floats, colour: Colour) -> Floats:
    """The least distance, over the three ways to see, of each candidate [3, N, 3] from a colour: float64 [N]."""
    distances: Floats = np.linalg.norm(places - seen([colour]), axis=-1).min(0)
    return distances
