"""Bodies of cars, vans, lorries, buses and trams, as side profiles; and their paint."""

from dataclasses import dataclass

import numpy as np

from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.canvas import Colour

Panes = tuple[tuple[tuple[float, float], ...], ...]  # outlines of (position along the length, height)
PAINTS: tuple[Colour, ...] = (
    (200, 202, 204), (150, 154, 158), (40, 42, 46), (28, 30, 34), (96, 100, 106), (225, 225, 222), (44, 62, 110),
    (24, 40, 72), (146, 26, 30), (176, 40, 36), (36, 70, 52), (120, 112, 92), (70, 110, 150), (150, 132, 60),
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A body: (position along the length 0 rear .. 1 front, height m, half-width factor) round the side, and parts.

    `strips` names each edge of the profile in order: b body, g glass, u underside.
    """

    label: int
    length: float
    width: float
    profile: tuple[tuple[float, float, float], ...]
    strips: str
    windows: Panes
    wheels: tuple[float, ...]
    radius: float
    tail: float = 0.82  # height of the tail lamps
    doors: bool = False  # a plain rear with two doors

    @property
    def height(self) -> float:
        return max(point[1] for point in self.profile)


def _panes(low: float, high: float, width: float, starts: tuple[float, ...]) -> Panes:
    """A row of side windows, each starting at a share of the length."""
    return tuple(((x, low), (x, high), (x + width, high), (x + width, low)) for x in starts)


_DECK = (0.03, 0.155, 0.28, 0.405, 0.53, 0.655, 0.78)

_HATCH = Shape(
    label_ids.CAR, 4.0, 1.72,
    ((0.02, 0.28, 0.96), (0.0, 0.55, 1.0), (0.015, 0.9, 0.98), (0.09, 1.40, 0.8), (0.2, 1.47, 0.78),
     (0.50, 1.47, 0.78), (0.74, 0.98, 0.93), (0.95, 0.80, 0.95), (1.0, 0.58, 0.95), (0.98, 0.26, 0.92)),
    "bbgbbgbbbu",
    (((0.12, 0.95), (0.14, 1.36), (0.33, 1.40), (0.33, 0.95)),
     ((0.36, 0.95), (0.36, 1.40), (0.50, 1.39), (0.68, 0.97))),
    (0.19, 0.81), 0.31,
)  # fmt: skip
_SALOON = Shape(
    label_ids.CAR, 4.6, 1.78,
    ((0.01, 0.28, 0.96), (0.0, 0.6, 1.0), (0.02, 0.93, 0.96), (0.15, 1.0, 0.94), (0.27, 1.38, 0.78),
     (0.33, 1.43, 0.76), (0.54, 1.43, 0.76), (0.72, 0.97, 0.92), (0.95, 0.80, 0.94), (1.0, 0.56, 0.94),
     (0.98, 0.25, 0.92)),
    "bbbgbbgbbbu",
    (((0.22, 0.98), (0.30, 1.35), (0.41, 1.37), (0.41, 0.97)),
     ((0.44, 0.97), (0.44, 1.37), (0.54, 1.35), (0.67, 0.97))),
    (0.2, 0.81), 0.32,
)  # fmt: skip
_ESTATE = Shape(
    label_ids.CAR, 4.6, 1.8,
    ((0.01, 0.3, 0.96), (0.0, 0.6, 1.0), (0.01, 0.95, 0.97), (0.07, 1.45, 0.8), (0.12, 1.5, 0.78), (0.52, 1.5, 0.78),
     (0.71, 1.0, 0.93), (0.95, 0.85, 0.95), (1.0, 0.6, 0.95), (0.98, 0.27, 0.92)),
    "bbgbbgbbbu",
    (((0.06, 1.0), (0.09, 1.42), (0.23, 1.44), (0.23, 1.0)), ((0.25, 1.0), (0.25, 1.44), (0.41, 1.44), (0.41, 1.0)),
     ((0.43, 1.0), (0.43, 1.44), (0.52, 1.42), (0.66, 1.0))),
    (0.19, 0.81), 0.33,
)  # fmt: skip
_SUV = Shape(
    label_ids.CAR, 4.5, 1.88,
    ((0.01, 0.4, 0.96), (0.0, 0.7, 1.0), (0.01, 1.08, 0.98), (0.05, 1.62, 0.84), (0.1, 1.7, 0.82), (0.55, 1.7, 0.82),
     (0.70, 1.12, 0.95), (0.95, 1.0, 0.96), (1.0, 0.7, 0.96), (0.98, 0.36, 0.94)),
    "bbgbbgbbbu",
    (((0.05, 1.12), (0.08, 1.58), (0.24, 1.6), (0.24, 1.12)), ((0.26, 1.12), (0.26, 1.6), (0.42, 1.6), (0.42, 1.12)),
     ((0.44, 1.12), (0.44, 1.6), (0.54, 1.58), (0.66, 1.12))),
    (0.19, 0.81), 0.37,
)  # fmt: skip
_VAN = Shape(
    label_ids.CAR, 5.3, 2.0,
    ((0.0, 0.35, 1.0), (0.0, 0.95, 1.0), (0.005, 1.45, 0.97), (0.01, 2.2, 0.93), (0.03, 2.35, 0.9),
     (0.70, 2.35, 0.9), (0.84, 1.45, 0.95), (0.97, 1.1, 0.95), (1.0, 0.7, 0.96), (0.99, 0.3, 0.95)),
    "bbbbbgbbbu",
    (((0.66, 1.35), (0.66, 2.0), (0.73, 2.0), (0.83, 1.38)),),
    (0.18, 0.83), 0.36, 1.0, True,
)  # fmt: skip
_LORRY = Shape(
    label_ids.TRUCK, 8.0, 2.4,
    ((0.0, 0.6, 1.0), (0.0, 3.4, 1.0), (0.72, 3.4, 1.0), (0.74, 2.6, 0.96), (0.96, 2.6, 0.94), (0.995, 1.5, 0.97),
     (1.0, 0.9, 0.97), (1.0, 0.4, 0.96)),
    "bbbbgbbu",
    (((0.8, 1.55), (0.8, 2.35), (0.94, 2.35), (0.97, 1.55)),),
    (0.15, 0.3, 0.87), 0.48, 0.9, True,
)  # fmt: skip
_BUS = Shape(
    label_ids.BUS, 11.0, 2.5,
    ((0.0, 0.35, 1.0), (0.0, 1.35, 1.0), (0.003, 2.6, 0.98), (0.01, 3.0, 0.95), (0.985, 3.0, 0.95),
     (0.995, 2.65, 0.98), (1.0, 1.15, 1.0), (1.0, 0.3, 1.0)),
    "bgbbbgbu",
    _panes(1.3, 2.5, 0.105, (0.03, 0.145, 0.26, 0.375, 0.49, 0.605, 0.72, 0.87)),
    (0.24, 0.78), 0.5,
)  # fmt: skip
_DOUBLE = Shape(
    label_ids.BUS, 10.5, 2.5,
    ((0.0, 0.35, 1.0), (0.0, 1.3, 1.0), (0.003, 2.2, 0.99), (0.003, 2.9, 0.99), (0.01, 3.9, 0.97), (0.02, 4.3, 0.92),
     (0.98, 4.3, 0.92), (0.99, 3.9, 0.97), (1.0, 2.9, 0.99), (1.0, 2.4, 1.0), (1.0, 1.1, 1.0), (1.0, 0.3, 1.0)),
    "bgbgbbbgbgbu",
    _panes(1.3, 2.25, 0.11, _DECK) + _panes(2.95, 3.9, 0.11, _DECK),
    (0.22, 0.76), 0.5,
)  # fmt: skip
_TRAM = Shape(
    label_ids.TRAIN, 18.0, 2.5,
    ((0.0, 0.2, 1.0), (0.0, 1.2, 1.0), (0.01, 2.7, 0.96), (0.02, 3.3, 0.9), (0.98, 3.3, 0.9),
     (0.99, 2.7, 0.96), (1.0, 1.2, 1.0), (1.0, 0.2, 1.0)),
    "bgbbbgbu",
    _panes(1.3, 2.6, 0.07, tuple(0.03 + 0.085 * k for k in range(11))),
    (), 0.3,
)  # fmt: skip

CARS = (_HATCH, _HATCH, _SALOON, _ESTATE, _SUV, _VAN)
LARGE = (_LORRY, _BUS, _BUS, _DOUBLE, _TRAM)


def sample_paint(rng: np.random.Generator, shape: Shape) -> Colour:
    """A colour that such a vehicle may have."""
    if shape.label in (label_ids.BUS, label_ids.TRAIN):
        options: tuple[Colour, ...] = ((186, 28, 32), (30, 80, 160), (222, 224, 226), (40, 110, 70), (230, 190, 40))
        return options[int(rng.integers(0, len(options)))]
    if shape in (_VAN, _LORRY) and rng.random() < 0.6:
        return 226.0, 226.0, 224.0
    base = np.array(PAINTS[int(rng.integers(0, len(PAINTS)))], np.float64)
    r, g, b = np.clip(base * rng.uniform(0.8, 1.15) + rng.normal(0, 5, 3), 8, 240).tolist()
    return r, g, b
