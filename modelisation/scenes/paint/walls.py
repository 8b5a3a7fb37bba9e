"""Upright textured walls: drawn flat in metres, then warped into perspective."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from modelisation.scenes.picture.camera import Camera, clip_wall
from modelisation.scenes.picture.canvas import Canvas, Colour, rgb
from modelisation.scenes.picture.noise import roughen

Spot = tuple[float, float]  # (x, z) on the ground, metres
MAX_TEXTURE = 600  # pixels a side


@dataclass
class Sheet:
    """A wall's texture while it is drawn; x metres from the wall's left end, y metres above its foot."""

    left: float
    bottom: float
    right: float
    top: float
    width: int
    height: int
    image: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        self.image = Image.new("RGB", (self.width, self.height))
        self.draw = ImageDraw.Draw(self.image)
        self.sx = self.width / (self.right - self.left)
        self.sy = self.height / (self.top - self.bottom)

    def to_pixels(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.left) * self.sx, (self.top - y) * self.sy

    def fill(self, colour: Colour, rng: np.random.Generator, grain: float, course: float = 0.0) -> None:
        """Cover the sheet with a rough surface; `course` metres is the height of a row of stones or bricks."""
        plain = Image.new("RGB", self.image.size, rgb(colour))
        rough = roughen(plain, grain, rng, max(1.0, self.sy / 30), stains=True)
        if course and self.sy * course > 2.2:
            tile = _bond(course > 0.2)
            wide, high = (self.right - self.left) / (course * 3), (self.top - self.bottom) / course
            box = (0.0, 0.0, min(tile.width, wide * 24), min(tile.height, high * 8))
            stones = tile.transform(self.image.size, Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)
            rough = ImageChops.overlay(rough, stones)
        self.image.paste(rough)

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Sequence[float]) -> None:
        """Fill from (x0, y0) to (x1, y1), y upwards; nothing where it lies off the sheet."""
        left, top = self.to_pixels(x0, y1)
        right, bottom = self.to_pixels(x1, y0)
        if right <= 0 or left >= self.width or bottom <= 0 or top >= self.height:
            return
        self.draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=rgb(colour))

    def polygon(self, points: Sequence[Spot], colour: Sequence[float]) -> None:
        self.draw.polygon([self.to_pixels(x, y) for x, y in points], fill=rgb(colour))

    def darken(self, points: Sequence[Spot], amount: float) -> None:
        """Put a polygon of the wall into the shade."""
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon([self.to_pixels(x, y) for x, y in points], fill=int(255 * amount))
        self.image.paste((12, 14, 22), (0, 0), mask)

    def stamp(self, mask: Image.Image, x0: float, y0: float, x1: float, y1: float, colour: Sequence[float]) -> None:
        """Paint a colour through an "L" mask stretched to a rectangle."""
        left, top = self.to_pixels(x0, y1)
        right, bottom = self.to_pixels(x1, y0)
        if right - left < 6 or bottom - top < 3 or right - left > 2000:
            return
        scaled = mask.resize((int(right - left), int(bottom - top)), Image.Resampling.BILINEAR)
        self.image.paste(rgb(colour), (int(left), int(top)), scaled)


def paint_wall(
    canvas: Canvas,
    camera: Camera,
    a: Spot,
    b: Spot,
    height: float,
    owner: int,
    draw: Callable[[Sheet], None],
    foot: float = 0.0,
) -> bool:
    """Paint the visible part of a wall that stands on a -> b (its left and right end seen from outside).

    Args:
        height: top above the ground, metres.
        owner: object index.
        draw: paints a `Sheet` in the wall's own metres.
        foot: bottom above the ground, metres.

    Returns:
        Whether anything was painted.
    """
    part = clip_wall(camera, a, b)
    if part is None:
        return False
    t0, t1 = part
    length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
    p = (a[0] + (b[0] - a[0]) * t0, a[1] + (b[1] - a[1]) * t0)
    q = (a[0] + (b[0] - a[0]) * t1, a[1] + (b[1] - a[1]) * t1)
    height = min(height, _visible_top(camera, p, q))
    if height <= foot + 0.05:
        return False
    corners = camera.to_camera([(p[0], height, p[1]), (q[0], height, q[1]), (q[0], foot, q[1]), (p[0], foot, p[1])])
    if corners[:, 2].min() < 0.05:
        return False
    quad = camera.to_pixels(corners)
    if quad[1, 0] - quad[0, 0] < 0.7 and quad[2, 0] - quad[3, 0] < 0.7:
        return False
    low, high = quad.min(axis=0), quad.max(axis=0)
    if high[0] <= 0 or low[0] >= camera.width or high[1] <= 0 or low[1] >= camera.height:
        return False
    tall = max(quad[3, 1] - quad[0, 1], quad[2, 1] - quad[1, 1])
    wide = min(high[0] - low[0], 1.3 * camera.width)
    sheet = Sheet(
        t0 * length, foot, t1 * length, height,
        int(np.clip(wide, 4, MAX_TEXTURE)), int(np.clip(tall * 0.8, 4, MAX_TEXTURE)),
    )  # fmt: skip
    draw(sheet)
    canvas.warp(sheet.image, quad, owner)
    return True


def is_outside(camera: Camera, a: Spot, b: Spot) -> bool:
    """Does the camera stand on the outer side of the wall a -> b (left to right seen from outside)?"""
    cx, cz = float(camera.position[0]) - a[0], float(camera.position[2]) - a[1]
    return (b[0] - a[0]) * cz - (b[1] - a[1]) * cx < 0


def outward_normal(a: Spot, b: Spot) -> tuple[float, float, float]:
    """Unit normal of the wall a -> b, pointing outside."""
    dx, dz = b[0] - a[0], b[1] - a[1]
    length = max(1e-6, float(np.hypot(dx, dz)))
    return dz / length, 0.0, -dx / length


def _visible_top(camera: Camera, p: Spot, q: Spot) -> float:
    """Height above which the wall has left the picture's upper edge, with some margin."""
    far = float(camera.to_camera([(p[0], 0, p[1]), (q[0], 0, q[1])])[:, 2].max())
    slope = camera.centre_y / camera.focal + 0.2  # the margin covers pitch and roll
    return float(camera.position[1]) + max(0.5, far) * (slope * 1.3)


@cache
def _bond(large: bool) -> Image.Image:
    """Courses of bricks (24 x 8 pixels each) or, `large`, of stones, about mid grey."""
    rng = np.random.default_rng(17 + large)
    y, x = np.mgrid[0:1024, 0:1536]
    row = y // 8
    along = x + (row % 2) * 12
    tone = 127.0 + rng.normal(0, 9, (128, 66))[row, along // 24]
    tone -= 22.0 * ((y % 8 == 0) | (along % 24 < (1 if large else 2)))
    return Image.fromarray(np.clip(tone, 0, 255).astype(np.uint8)).convert("RGB")
