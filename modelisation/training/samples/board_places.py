"""Where a row of boards stands in a street photo, and how it is seen from there.

The camera is reckoned from the label alone: the horizon lies a little above the highest ground, the street runs
towards the middle of that ground. With it a point on the ground has a place in metres, and boards that stand on a
line between two such points have the perspective of the photo.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelisation.training.samples.board_looks import Strip

_LEAST_GROUND = 0.05  # share of the picture


@dataclass(frozen=True)
class Street:
    """What a label tells of the camera.

    Attributes:
        size: height and width of the picture.
        horizon, vanishing: row and column of the point that the street runs to.
        sides: how far left (below 0) and right the ground ends, in heights of the camera; a side that is not seen is
            left out.
    """

    size: tuple[int, int]
    horizon: float
    vanishing: float
    sides: tuple[float, ...]


@dataclass(frozen=True)
class Place:
    """A straight row of boards in a picture of width W; its verticals are upright.

    Attributes:
        length: of the row in metres.
        along: float64 [W + 1], how far along the row each edge of a column is, 0..1 to the right, NaN beside it.
        foot, top: float64 [W], rows of the lower and the upper edge in each column, NaN beside it.
    """

    length: float
    along: npt.NDArray[np.float64]
    foot: npt.NDArray[np.float64]
    top: npt.NDArray[np.float64]

    def mask(self, height: int) -> npt.NDArray[np.bool_]:
        """The pixels of a picture of this height that the row fills, bool [H, W]."""
        rows = np.arange(height)[:, None] + 0.5
        return (rows >= self.top) & (rows < self.foot)

    def at_foot(self, label_HW: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The labels just under the row, uint8 [n], where that lies in the picture."""
        under = np.nan_to_num(self.foot, nan=-1).astype(int) + 1
        columns = np.flatnonzero((under >= 1) & (under < label_HW.shape[0]))
        return label_HW[under[columns], columns]

    def foot_at(self, column: float) -> float:
        """Where the straight line along the lower edges lies in a column, also beside the row."""
        (seen,) = np.nonzero(np.isfinite(self.foot))
        first, last = seen[0], seen[-1]
        slope = (self.foot[last] - self.foot[first]) / max(1, last - first)
        return float(self.foot[first] + slope * (column - first))

    def box(self, height: int) -> tuple[slice, slice]:
        """The part of a picture of this height that holds the row, with some pixels around it; it may be empty."""
        (seen,) = np.nonzero(np.isfinite(self.foot))
        around = 4 + height // 16
        top, bottom = np.clip([self.top[seen].min() - around, self.foot[seen].max() + around], 0, height).astype(int)
        left, right = np.clip([seen[0] - around, seen[-1] + 1 + around], 0, len(self.foot))
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def project(self, strip: Strip, height: int) -> tuple[Strip, Strip]:
        """See a strip from the camera: each pixel is the mean over the part of the strip that it covers.

        Args:
            strip: float32 [h, w, 4] of colours and opacity.
            height: H of the picture.

        Returns:
            Colours times opacity, [H, W, 3], and opacity, [H, W], both float32 in 0..1.
        """
        solid = np.concatenate([strip[..., :3] * strip[..., 3:], strip[..., 3:]], -1)
        (seen,) = np.nonzero(np.isfinite(self.foot))
        # First along the row, then upright: the same as over the area, since a column sees one stretch of the row.
        edges = self.along * strip.shape[1]
        across = _sums(solid.transpose(1, 0, 2))
        begin, end = edges[seen], edges[seen + 1]
        columns_nh4 = (_until(across, end) - _until(across, begin)) / np.maximum(end - begin, 1e-6)[:, None, None]
        upright = _sums(columns_nh4.transpose(1, 0, 2))
        scale = strip.shape[0] / (self.foot - self.top)[seen]
        # What a pixel covers beyond the strip is clear, so that its edges are smooth.
        rows, _ = self.box(height)
        at = np.clip((np.arange(rows.start, rows.stop + 1)[:, None] - self.top[seen]) * scale, 0, strip.shape[0])
        result = np.zeros((height, len(self.foot), 4), np.float32)
        result[rows, seen] = np.diff(_until(upright, at, np.arange(len(seen))), axis=0) / scale[:, None]
        return result[..., :3], result[..., 3]


def find_street(
    label_HW: npt.NDArray[np.uint8], ground: npt.NDArray[np.bool_], built: npt.NDArray[np.bool_]
) -> Street | None:
    """What a label tells of the camera; None where it shows too little ground, or none that leads away.

    Args:
        label_HW: class ids.
        ground: bool [256], whether an id is road or sidewalk.
        built: bool [256], whether it is what stands beside a street.
    """
    height, width = label_HW.shape
    ground_HW = ground[label_HW]
    rows = np.flatnonzero(ground_HW.sum(1) >= max(2, 0.01 * width))
    if ground_HW.mean() < _LEAST_GROUND or not 0.15 * height < rows[0] < 0.75 * height:
        return None
    horizon = rows[0] - 0.02 * height
    vanishing = float(np.flatnonzero(ground_HW[rows[0] : rows[0] + max(2, height // 40)].any(0)).mean())
    highest = ground_HW.argmax(0)
    above = label_HW[np.maximum(highest - 1, 0), np.arange(width)]
    ends = ground_HW.any(0) & built[above] & (highest - horizon > 0.04 * height)
    columns = np.flatnonzero(ends)
    offsets = (columns - vanishing) / (highest[columns] - horizon)
    sides = [
        np.median(part) for part in (offsets[offsets < -0.3], offsets[offsets > 0.3]) if len(part) > 0.04 * width
    ]
    return Street((height, width), horizon, vanishing, tuple(map(float, sides))) if sides else None


def draw_places(street: Street, side: float, height: float, rng: np.random.Generator) -> list[Place]:
    """Draw where boards stand: along a side of the street, sometimes with a corner, or across.

    Whether there is room for them is for the caller to see; none is given where none would be seen.

    Args:
        street: the camera's view.
        side: one of its sides.
        height: of the boards in metres.
        rng: decides the rest.
    """
    camera, focal = rng.uniform(1.2, 1.9), street.size[1] * rng.uniform(0.75, 1.3)
    away = np.sign(side)
    x = side * camera * rng.uniform(0.55, 1.0)
    z = float(np.exp(rng.uniform(np.log(2.5), np.log(18))))
    if rng.random() < 0.2:  # across: the short side of a site, or boards around a hole
        length, turn = rng.uniform(2, 10), rng.uniform(-0.7, 0.7)
        ends = [((x, z), (x + away * length * np.cos(turn), z + length * np.sin(turn)))]
    else:
        length = rng.uniform(6, 40)
        ends = [((x, z), (x + rng.uniform(-0.03, 0.03) * length, z + length))]
        if rng.random() < 0.3:
            ends.append(((x, z), (x + away * rng.uniform(1.5, 5), z + rng.uniform(-0.3, 0.3))))
    return [place for a, b in ends if (place := stand(street, a, b, height, camera, focal)) is not None]


def stand(
    street: Street, a: tuple[float, float], b: tuple[float, float], height: float, camera: float, focal: float
) -> Place | None:
    """Boards between two points on the ground, each metres to the right and ahead; None where they are not seen.

    Args:
        street: the camera's view.
        a, b: the ends.
        height: of the boards in metres.
        camera: its height in metres.
        focal: focal length in pixels.
    """
    if a[0] * b[1] > b[0] * a[1]:
        a, b = b, a  # from left to right, so that letters are read and not mirrored
    width = street.size[1]
    ray = (np.arange(width + 1) - street.vanishing) / focal
    dx, dz = b[0] - a[0], b[1] - a[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (ray * a[1] - a[0]) / (dx - ray * dz)
        depth = a[1] + along * dz
    # Nearer than a metre is beside the camera, and behind it what a ray meets backwards.
    along[~((along >= 0) & (along <= 1) & (depth > 1))] = np.nan
    middle = (depth[1:] + depth[:-1]) / 2
    middle[~np.isfinite(along[1:] + along[:-1])] = np.nan
    if not np.isfinite(middle).any():
        return None
    foot = street.horizon + focal * camera / middle
    return Place(float(np.hypot(dx, dz)), along, foot, foot - focal * height / middle)


def _sums(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The sums of the first 0, 1, .. n of `values` [n, ...]."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0, dtype=np.float64)])


def _until(
    sums: npt.NDArray[np.float64], at: npt.NDArray[np.float64], column: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.float64]:
    """Sums up to places between two values; of one column [..., W, :] each where `column` says so."""
    whole = np.clip(at.astype(int), 0, len(sums) - 2)
    first, second = (
        (sums[whole], sums[whole + 1]) if column is None else (sums[whole, column], sums[whole + 1, column])
    )
    part = (at - whole).reshape(at.shape + (1,) * (first.ndim - at.ndim))
    return first * (1 - part) + second * part
