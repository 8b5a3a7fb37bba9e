"""The plan of a street: what lies where along it, before anything is drawn.

Street coordinates are (u, s): u metres to the right of the road's middle, s metres along the road.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelisation.scenes.picture.camera import Camera, make_camera

STYLES = ("city", "terrace", "suburb", "park", "plaza")
FAR = 190.0  # metres; the backdrop stands behind


@dataclass(frozen=True)
class Side:
    """One side of the road; widths in metres, counted outwards from the kerb."""

    sign: int  # -1 left, 1 right
    kerb: float  # distance of the kerb from the road's middle
    verge: float  # grass between kerb and pavement
    pavement: float
    garden: float  # between pavement and frontage
    parking: bool
    style: str
    junctions: tuple[tuple[float, float], ...]  # (start, end) along the road

    @property
    def path(self) -> float:
        """Distance of the pavement's inner edge."""
        return self.kerb + self.verge

    @property
    def back(self) -> float:
        """Distance of the pavement's outer edge."""
        return self.path + self.pavement

    @property
    def frontage(self) -> float:
        """Distance of the house fronts."""
        return self.back + self.garden

    def has_junction(self, s: float, margin: float = 0.0) -> bool:
        """Is there a side street at s?"""
        return any(a - margin <= s <= b + margin for a, b in self.junctions)


@dataclass(frozen=True)
class Street:
    """A road, its two sides, and how it bends."""

    bend: float  # curvature, 1 / metre
    bend_start: float
    lanes: int  # a direction
    lane_width: float
    drive_left: bool
    left: Side
    right: Side
    crossing: float | None  # s of a zebra crossing
    end: float | None  # s of a cross street that the road ends at

    @property
    def driving_side(self) -> int:
        """The side one drives on: -1 left, 1 right."""
        return -1 if self.drive_left else 1

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.left, self.right

    def middle_x(self, s: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """World x of the road's middle at s."""
        past = np.clip(np.asarray(s, np.float32) - self.bend_start, 0.0, 140.0)
        return 0.5 * self.bend * past * past

    def to_world(self, u: float, s: float, y: float = 0.0) -> tuple[float, float, float]:
        """Street coordinates and height to world coordinates."""
        return float(u + self.middle_x(s)), y, s

    def heading(self, s: float) -> float:
        """Direction of the road at s, radians to the right of straight ahead."""
        past = min(140.0, max(0.0, s - self.bend_start))
        return float(np.arctan(self.bend * past))

    def strip(self, u0: float, u1: float, s0: float, s1: float, y: float = 0.0) -> npt.NDArray[np.float32]:
        """A band along the road as a world polygon [N, 3], following the bend."""
        pieces = 2 if self.bend == 0 or s1 <= self.bend_start else max(2, int((s1 - s0) / 8) + 2)
        s = np.linspace(s0, s1, pieces, dtype=np.float32)
        x, flat = self.middle_x(s), np.full_like(s, y)
        there, back = np.stack((x + u0, flat, s), axis=1), np.stack((x + u1, flat, s), axis=1)[::-1]
        return np.concatenate((there, back))


def sample_street(rng: np.random.Generator) -> Street:
    """Draw the plan of a street."""
    style = str(rng.choice(STYLES, p=(0.36, 0.26, 0.2, 0.09, 0.09)))
    lanes = 2 if style in ("city", "park") and rng.random() < 0.35 else 1
    lane_width = float(rng.uniform(2.8, 3.6))
    bent = rng.random() < 0.45
    junction = (float(rng.uniform(8, 70)), float(rng.uniform(6.5, 12))) if rng.random() < 0.55 else None
    if style == "plaza":
        junction = None
    both = rng.random() < 0.5
    sides = []
    for sign in (-1, 1):
        own = style if rng.random() < 0.75 or style == "plaza" else str(rng.choice(STYLES[:4]))
        has_junction = junction is not None and (both or sign == int(rng.choice((-1, 1))))
        sides.append(_sample_side(rng, sign, own, lanes * lane_width, junction if has_junction else None))
    return Street(
        bend=float(rng.normal(0, 0.0022)) if bent else 0.0,
        bend_start=float(rng.uniform(5, 40)),
        lanes=lanes,
        lane_width=lane_width,
        drive_left=bool(rng.random() < 0.55),
        left=sides[0],
        right=sides[1],
        crossing=float(rng.uniform(6, 40)) if rng.random() < 0.3 else None,
        end=float(rng.uniform(35, 120)) if rng.random() < 0.35 else None,
    )


def _sample_side(
    rng: np.random.Generator, sign: int, style: str, carriageway: float, junction: tuple[float, float] | None
) -> Side:
    parking = bool(rng.random() < 0.55)
    verge = float(rng.uniform(0.8, 3.0)) if style in ("suburb", "park") and rng.random() < 0.5 else 0.0
    gardens = {"city": (0, 0.6), "terrace": (0, 3.0), "suburb": (3.0, 9.0), "park": (14, 30), "plaza": (9, 26)}
    starts: list[tuple[float, float]] = []
    if junction:
        starts.append((junction[0], junction[0] + junction[1]))
    if rng.random() < 0.35:
        second = float(rng.uniform(90, 140))
        starts.append((second, second + float(rng.uniform(6, 10))))
    return Side(
        sign=sign,
        kerb=carriageway + (2.1 if parking else float(rng.uniform(0.1, 0.7))),
        verge=verge,
        pavement=float(rng.uniform(1.5, 4.8 if style in ("city", "plaza") else 3.0)),
        garden=float(rng.uniform(*gardens[style])),
        parking=parking,
        style=style,
        junctions=tuple(starts),
    )


def sample_camera(rng: np.random.Generator, street: Street, width: int, height: int) -> Camera:
    """A dashboard camera in one of the lanes, or now and then a pedestrian's view from the pavement."""
    lane = int(rng.integers(0, street.lanes))
    own = -1 if street.drive_left else 1
    u = own * (lane + 0.5) * street.lane_width + float(rng.normal(0, 0.3))
    eye = float(rng.uniform(1.15, 1.75))
    yaw = float(rng.normal(0, 0.05))
    kind = rng.random()
    if kind < 0.07:  # from the pavement, looking across a little
        side = street.sides[int(rng.integers(0, 2))]
        u = side.sign * (side.path + 0.5 * side.pavement)
        eye = float(rng.uniform(1.5, 1.8))
        yaw = -side.sign * float(rng.uniform(0.02, 0.3))
    elif kind < 0.2:  # turning
        yaw = float(rng.normal(0, 0.3))
    focal = max(width, 1.25 * height) * float(rng.uniform(0.62, 1.1))
    return make_camera(
        width,
        height,
        focal=focal,
        position=(u, eye, 0.0),
        yaw=yaw,
        pitch=float(rng.normal(0.02, 0.035)),
        roll=float(rng.normal(0, 0.008)),
    )
