"""What the painters draw on: the picture, and beside it which object owns each pixel.

Colours may blend at edges; ownership never does, so labels stay exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw

from modelisation.scenes.picture.noise import roughen

Colour = tuple[float, float, float]
Points = npt.NDArray[np.float32]


def rgb(colour: Sequence[float]) -> tuple[int, int, int]:
    """A colour of floats, clipped to the 8-bit range."""
    r, g, b = colour
    return (
        255 if r > 255 else int(r) if r > 0 else 0,
        255 if g > 255 else int(g) if g > 0 else 0,
        255 if b > 255 else int(b) if b > 0 else 0,
    )


@dataclass
class Canvas:
    """Picture (RGB), owners (an object index a pixel), and the label and distance of each object."""

    picture: Image.Image
    owners: Image.Image
    labels: list[int] = field(default_factory=list)
    depths: list[float] = field(default_factory=list)

    @property
    def width(self) -> int:
        return self.picture.width

    @property
    def height(self) -> int:
        return self.picture.height

    def add(self, label: int, depth: float) -> int:
        """Register an object (Cityscapes label id, distance in metres; negative: the ground's own) -> index."""
        self.labels.append(label)
        self.depths.append(depth)
        return len(self.labels) - 1

    def layer(self, points_N2: Points, pad: float = 2.0, *, soft: bool = False) -> "Layer | None":
        """A sheet over the points' bounding box; None where that lies outside the picture.

        Sheets are supersampled, the more the smaller they are, but not `soft` ones, which hold pictures whose edges
        are soft already.
        """
        low, high = points_N2.min(axis=0) - pad, points_N2.max(axis=0) + pad
        left, top = max(0, int(low[0])), max(0, int(low[1]))
        right, bottom = min(self.width, int(high[0]) + 1), min(self.height, int(high[1]) + 1)
        if right - left < 1 or bottom - top < 1:
            return None
        area = (right - left) * (bottom - top)
        factor = 1 if soft or area > 60_000 else (2 if area > 2500 else 4)
        return Layer(self, left, top, right - left, bottom - top, factor)

    def fill(self, points_N2: Points, colour: Sequence[float], owner: int) -> None:
        """Fill a polygon of pixels, hard-edged."""
        corners = [(x, y) for x, y in points_N2.tolist()]
        ImageDraw.Draw(self.picture).polygon(corners, fill=rgb(colour))
        ImageDraw.Draw(self.owners).polygon(corners, fill=owner)

    def warp(self, texture: Image.Image, quad_42: Points, owner: int) -> None:
        """Map a texture's corners (top left, top right, bottom right, bottom left) onto a quad of pixels."""
        low, high = quad_42.min(axis=0), quad_42.max(axis=0)
        left, top = max(0, int(np.floor(low[0]))), max(0, int(np.floor(low[1])))
        right, bottom = min(self.width, int(high[0]) + 1), min(self.height, int(high[1]) + 1)
        if right <= left or bottom <= top:
            return
        size = (right - left, bottom - top)
        local = quad_42 - (left, top)
        mask = Image.new("1", size)
        ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in local], fill=1)
        coefficients = _homography(local, texture.width, texture.height)
        if coefficients is None:
            return
        warped = texture.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR, fill=1)
        self.picture.paste(warped, (left, top), mask)
        self.owners.paste(owner, (left, top, right, bottom), mask)


@dataclass
class Layer:
    """A transparent sheet drawn at `factor` times the resolution, in picture coordinates, then laid down."""

    canvas: Canvas
    left: int
    top: int
    width: int
    height: int
    factor: int

    def __post_init__(self) -> None:
        self.sheet = Image.new("RGBA", (self.width * self.factor, self.height * self.factor))
        self.draw = ImageDraw.Draw(self.sheet)

    def _local(self, points: npt.ArrayLike) -> list[tuple[float, float]]:
        array = (np.asarray(points, np.float32) - (self.left, self.top)) * self.factor
        return list(map(tuple, array.tolist()))

    def polygon(self, points_N2: npt.ArrayLike, colour: Sequence[float]) -> None:
        self.draw.polygon(self._local(points_N2), fill=(*rgb(colour), 255))

    def line(self, points_N2: npt.ArrayLike, colour: Sequence[float], width: float) -> None:
        self.draw.line(
            self._local(points_N2), fill=(*rgb(colour), 255), width=max(1, round(width * self.factor)), joint="curve"
        )

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Sequence[float]) -> None:
        (x0, y0), (x1, y1) = self._local([(x - rx, y - ry), (x + rx, y + ry)])
        self.draw.ellipse((x0, y0, max(x0, x1), max(y0, y1)), fill=(*rgb(colour), 255))

    def image(self, rgba: Image.Image, left: float, top: float, width: float, height: float) -> None:
        """Paste an RGBA picture stretched to a box (picture coordinates)."""
        (x, y), (x1, y1) = self._local([(left, top), (left + width, top + height)])
        size = (max(1, round(x1 - x)), max(1, round(y1 - y)))
        box = (
            max(0, int(-x)),
            max(0, int(-y)),
            min(size[0], int(self.sheet.width - x)),
            min(size[1], int(self.sheet.height - y)),
        )
        if box[2] <= box[0] or box[3] <= box[1]:
            return
        sx, sy = rgba.width / size[0], rgba.height / size[1]
        part = rgba.resize(
            (box[2] - box[0], box[3] - box[1]),
            Image.Resampling.BILINEAR,
            box=(box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy),
        )
        self.sheet.alpha_composite(part, (int(x) + box[0] if x >= 0 else 0, int(y) + box[1] if y >= 0 else 0))

    def commit(
        self,
        owner: int,
        rng: np.random.Generator,
        *,
        grain: float = 0.05,
        gradient: float = 0.0,
        cover: Image.Image | None = None,
    ) -> None:
        """Lay the sheet on the canvas with soft edges.

        Args:
            owner: object index that gets every pixel at least half covered.
            rng: for the grain.
            grain: deviation of the brightness texture.
            gradient: how much darker the foot is than the top (0..1).
            cover: "L" mask of the layer's size to own instead of what is half covered.
        """
        small = self.sheet.reduce(self.factor) if self.factor > 1 else self.sheet
        alpha = small.getchannel("A")
        colours = small.convert("RGB")
        if grain > 0:
            colours = roughen(colours, grain, rng)
        if gradient > 0:
            fall = (
                Image.linear_gradient("L").resize(colours.size).point([255 - int(gradient * v) for v in range(256)])
            )
            colours = ImageChops.multiply(colours, fall.convert("RGB"))
        mask = (cover or alpha).convert("1", dither=Image.Dither.NONE)  # owned from one half on
        self.canvas.picture.paste(colours, (self.left, self.top), alpha)
        box = (self.left, self.top, self.left + self.width, self.top + self.height)
        self.canvas.owners.paste(owner, box, mask)


def _homography(quad_42: Points, width: int, height: int) -> list[float] | None:
    """Coefficients of Pillow's PERSPECTIVE transform from output pixels to texture pixels."""
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    rows, values = [], []
    for (x, y), (u, v) in zip(quad_42.tolist(), corners, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        values += [u, v]
    try:
        return list(np.linalg.solve(np.array(rows, np.float64), np.array(values, np.float64)))
    except np.linalg.LinAlgError:
        return None
