"""The ground: which surface lies where (exact polygons), its texture, road paint, shadows and wetness."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from modelisation.scenes.picture.camera import Camera, Floats
from modelisation.scenes.picture.canvas import Canvas, Colour
from modelisation.scenes.picture.light import Light
from modelisation.scenes.picture.noise import MASK, SIZE, fractal, patch


@dataclass(frozen=True)
class Surface:
    """A kind of ground: its label, colour, pattern (index into `_patterns`) and how strong its grain is."""

    label: int
    colour: Colour
    pattern: int = 0
    grain: float = 0.07


@dataclass
class Ground:
    """Everything that lies on the ground plane, collected by the planners, painted once."""

    camera: Camera
    surfaces: list[Surface]
    kinds: Image.Image = field(init=False)
    paint: Image.Image = field(init=False)
    shadow: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        width, height = self.camera.width, self.camera.height
        self.kinds = Image.new("L", (width, height))
        self.paint = Image.new("L", (2 * width, 2 * height))
        self.shadow = Image.new("L", (width, height))
        self._draw_kinds = ImageDraw.Draw(self.kinds)
        self._draw_paint = ImageDraw.Draw(self.paint)
        self._draw_shadow = ImageDraw.Draw(self.shadow)

    def lay(self, points_N3: npt.ArrayLike, surface: int) -> None:
        """Cover a world polygon with a surface (index into `surfaces`)."""
        shape = self.camera.polygon(points_N3)
        if shape is not None:
            self._draw_kinds.polygon([(x, y) for x, y in shape.tolist()], fill=surface)

    def mark(self, points_N3: npt.ArrayLike, strength: int = 255) -> None:
        """Paint a world polygon white (strength 255) or yellow (127)."""
        shape = self.camera.polygon(points_N3)
        if shape is not None:
            self._draw_paint.polygon([(2 * x, 2 * y) for x, y in shape.tolist()], fill=strength)

    def shade(self, points_N3: npt.ArrayLike, strength: int = 255) -> None:
        """Darken a world polygon."""
        shape = self.camera.polygon(points_N3)
        if shape is not None:
            self._draw_shadow.polygon([(x, y) for x, y in shape.tolist()], fill=strength)

    def shade_contact(self, at: tuple[float, float, float], radius: float) -> None:
        """The little shade where something stands on the ground, in any weather."""
        x, y, z = at
        ring = ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))
        self.shade([(x + a * radius, y, z + b * radius * 0.8) for a, b in ring], 150)

    def cast_shadow(self, base_N2: Sequence[tuple[float, float]], height: float, light: Light) -> None:
        """Darken the sun's shadow of an upright prism on base points (x, z); nothing where the sun is weak."""
        if not light.casts_shadows:
            return
        dx, dz = light.shadow_shift
        top = [(x + dx * height, z + dz * height) for x, z in base_N2]
        self.shade([(x, 0.0, z) for x, z in _hull([*base_N2, *top])])


def paint_ground(canvas: Canvas, ground: Ground, light: Light, rng: np.random.Generator) -> Floats:
    """Paint the ground on the canvas.

    Returns:
        The ground's distance in metres [height, width], infinite above the horizon.
    """
    camera = ground.camera
    top = camera.horizon_row()
    depth_HW = np.full((camera.height, camera.width), np.inf, np.float32)
    if top >= camera.height:
        return depth_HW
    rows = slice(top, camera.height)
    x, y, z = camera.rays(rows)
    depth = camera.position[1] / np.maximum(-y, 1e-3)
    depth_HW[rows] = np.where(y < -1e-3, depth, np.inf)
    np.minimum(depth, 600.0, out=depth)
    kinds = np.asarray(ground.kinds)[rows]
    full = np.asarray(light.ambient) + np.asarray(light.sun_colour) * light.sun[1]
    tones = np.array([s.colour for s in ground.surfaces]) * full * (1.0 - 0.35 * light.wet)
    colour_HW3 = _texture(ground.surfaces, tones.astype(np.float32), kinds, x * depth, z * depth, depth, rng)
    _blend_paint(colour_HW3, ground, rows, full, rng)
    picture = ImageChops.multiply(Image.fromarray(colour_HW3), _shadows(ground, light, rows, full))
    below = Image.fromarray(y < -1e-3)
    canvas.picture.paste(picture, (0, top), below)
    owners = np.array([canvas.add(surface.label, -1.0) for surface in ground.surfaces], np.int32)
    canvas.owners.paste(Image.fromarray(owners[kinds]), (0, top), below)
    return depth_HW


def _texture(
    surfaces: Sequence[Surface],
    tones_K3: Floats,
    kinds: npt.NDArray[np.uint8],
    x: Floats,
    z: Floats,
    depth: Floats,
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """Each surface's colour with its grain and pattern, which fade as the pixels' footprints outgrow them."""
    ox, oz = (int(v) for v in rng.integers(0, SIZE, 2))
    fine = ((z * 83).astype(np.int32) + oz & MASK) * SIZE + ((x * 83).astype(np.int32) + ox & MASK)
    broad = ((z * 5).astype(np.int32) + ox & MASK) * SIZE + ((x * 15).astype(np.int32) + oz & MASK)
    near = np.minimum(1.0, 7.0 / depth)
    tone = np.take(fractal(0.45).ravel(), fine) * near
    tone += np.take(fractal(1.3).ravel(), broad)
    tone *= np.array([s.grain for s in surfaces], np.float32)[kinds]
    patterns = np.array([s.pattern for s in surfaces], np.int32) * (SIZE * SIZE)
    if patterns.any():
        tone += np.take(_patterns().ravel(), patterns[kinds] + fine) * near
    tone += 1.0
    colour_HW3 = np.empty((*kinds.shape, 3), np.uint8)
    for channel in range(3):
        colour_HW3[..., channel] = np.clip(tones_K3[:, channel][kinds] * tone, 0, 255)
    return colour_HW3


def _blend_paint(
    colour_HW3: npt.NDArray[np.uint8],
    ground: Ground,
    rows: slice,
    full: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    paint = np.asarray(ground.paint.crop((0, 2 * rows.start, ground.paint.width, ground.paint.height)).reduce(2))
    y, x = np.nonzero(paint)
    if len(y) == 0:
        return
    worn = patch(rng, SIZE, SIZE, 0.9)[y & MASK, x & MASK]
    value = paint[y, x].astype(np.float32)[:, None]
    amount = np.clip(0.8 + 0.14 * worn, 0.25, 1.0)[:, None] * np.where(value > 140, value / 255.0, value / 127.0)
    white, yellow = np.array([212, 212, 206]) * full, np.array([204, 170, 74]) * full
    old = colour_HW3[y, x].astype(np.float32)
    colour_HW3[y, x] = np.clip(old + (np.where(value > 140, white, yellow) - old) * amount, 0, 255)


def _shadows(ground: Ground, light: Light, rows: slice, full: npt.NDArray[np.float64]) -> Image.Image:
    """What is left of the full light, as an RGB picture to multiply with."""
    shadow = ground.shadow.crop((0, rows.start, ground.camera.width, rows.stop))
    shadow = shadow.filter(ImageFilter.BoxBlur(max(1.0, ground.camera.height / 256)))
    sunless = np.asarray(light.ambient)
    if not light.casts_shadows:  # no sun, no shadow; but what stands on the ground still takes some of its skylight
        sunless = full * 0.5
    share = sunless / full
    tables = [[int(255 * (1.0 - (1.0 - s) * v / 255)) for v in range(256)] for s in share]
    return Image.merge("RGB", [shadow.point(table) for table in tables])


def _hull(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Convex hull by Andrew's monotone chain."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return list(ordered)

    def half_hull(chain: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for p in chain:
            while len(kept) > 1 and _cross(kept[-2], kept[-1], p) <= 0:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return half_hull(ordered) + half_hull(ordered[::-1])


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


PLAIN, SLABS, BRICKS, COBBLES, GRASS = range(5)


@cache
def _patterns() -> Floats:
    """Brightness patterns [5, SIZE, SIZE], added to 1; one cell is 12 mm, so a tile is about six metres."""
    rng = np.random.default_rng(5)
    stack = np.zeros((5, SIZE, SIZE), np.float32)
    stack[SLABS] = _paving(rng, 64, 64, 1, 0.05)
    stack[BRICKS] = _paving(rng, 16, 8, 1, 0.1)
    stack[COBBLES] = _paving(rng, 12, 10, 2, 0.14) + 0.05 * fractal(0.5, 3)
    stack[GRASS] = 0.13 * fractal(0.55, 4) + 0.06 * fractal(1.2, 5)
    return stack


def _paving(rng: np.random.Generator, length: int, width: int, joint: int, spread: float) -> Floats:
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    row = y // width
    along = x + (row % 2) * (length // 2)
    stone = (rng.standard_normal(4096) * spread)[(row * 67 + along // length) % 4096]
    joints = ((y % width) < joint) | ((along % length) < joint)
    return np.where(joints, -0.2, stone).astype(np.float32)
