"""Buildings: facades with windows, doors and shops; roofs, gables and chimneys."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

from modelisation.scenes.paint.facade_style import Facade, sample_facade
from modelisation.scenes.paint.facades import Wall, paint_storeys, paint_walls
from modelisation.scenes.paint.shopfronts import paint_ground_floor
from modelisation.scenes.paint.walls import Sheet, Spot, is_outside, outward_normal, paint_wall
from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas, Colour, rgb
from modelisation.scenes.picture.light import Light
from modelisation.scenes.picture.noise import roughen


@dataclass(frozen=True)
class Building:
    """A box on the ground: its front a -> b (left to right seen from the street) and its depth behind."""

    a: Spot
    b: Spot
    depth: float
    facade: Facade
    roof: str  # flat, gable or hip
    roof_height: float
    roof_colour: Colour

    @property
    def corners(self) -> tuple[Spot, Spot, Spot, Spot]:
        """Front left, front right, back right, back left."""
        nx, _, nz = outward_normal(self.a, self.b)
        back = (-nx * self.depth, -nz * self.depth)
        return (
            self.a,
            self.b,
            (self.b[0] + back[0], self.b[1] + back[1]),
            (self.a[0] + back[0], self.a[1] + back[1]),
        )


ROOFS: tuple[Colour, ...] = ((96, 62, 52), (120, 72, 54), (74, 74, 80), (90, 82, 78), (60, 58, 60), (134, 88, 66))


def sample_building(rng: np.random.Generator, a: Spot, b: Spot, style: str) -> Building:
    """Draw a building of a street's style on a front line."""
    facade = sample_facade(rng, style)
    pitched = {"city": 0.25, "terrace": 0.85, "suburb": 0.92, "park": 0.5, "plaza": 0.15}[style]
    roof = ("gable" if rng.random() < 0.75 else "hip") if rng.random() < pitched else "flat"
    return Building(
        a, b,
        float(rng.uniform(7, 12) if style in ("terrace", "suburb") else rng.uniform(10, 18)),
        facade, roof,
        float(rng.uniform(2.0, 4.2)),
        ROOFS[int(rng.integers(0, len(ROOFS)))],
    )  # fmt: skip


def paint_building(
    canvas: Canvas,
    camera: Camera,
    building: Building,
    light: Light,
    rng: np.random.Generator,
    *,
    shade_top: float = 0.0,
    covered: float = 0.0,
) -> None:
    """Paint the faces that look at the camera.

    Args:
        shade_top: how high a shadow reaches up the front, metres.
        covered: height up to which neighbours hide the side walls, metres.
    """
    a, b, c, d = building.corners
    near = min(float(np.hypot(p[0] - camera.position[0], p[1])) for p in (a, b, c, d))
    middle = float(np.hypot((a[0] + b[0]) / 2 - camera.position[0], (a[1] + b[1]) / 2))
    owner = canvas.add(label_ids.BUILDING, max(near, 0.6 * middle))
    height = building.facade.height
    if building.roof != "flat":
        _paint_roof(canvas, camera, building, light, rng, owner)
    for p, q, front in ((d, a, False), (b, c, False), (a, b, True)):
        foot = 0.0 if front else min(covered, height)
        if foot >= height or not is_outside(camera, p, q):
            continue
        normal = outward_normal(p, q)
        length = float(np.hypot(q[0] - p[0], q[1] - p[1]))

        shaded = front and shade_top > 0.3 and normal[0] * light.sun[0] + normal[2] * light.sun[2] > 0.05
        draw = partial(
            _draw_wall,
            facade=building.facade,
            light=light,
            normal=normal,
            length=length,
            front=front,
            shade_top=shade_top if shaded else 0.0,
            rng=rng,
        )
        paint_wall(canvas, camera, p, q, height, owner, draw, foot)


def _draw_wall(
    sheet: Sheet,
    *,
    facade: Facade,
    light: Light,
    normal: tuple[float, float, float],
    length: float,
    front: bool,
    shade_top: float,
    rng: np.random.Generator,
) -> None:
    """A whole wall; side walls (`front` false) have no doors, and few have windows."""
    wall = Wall(sheet, facade, light, normal, length, np.random.default_rng(facade.seed + front))
    paint_walls(wall, rng)
    if front or facade.seed % 3 == 0:
        paint_storeys(wall)
    if front:
        paint_ground_floor(wall)
        sheet.rect(0.0, 0, 0.1, facade.height, wall.shade((56, 56, 58)))  # a rain pipe where houses meet
    if shade_top:
        tilt = float(rng.uniform(-1.5, 1.5))
        sheet.darken(((0, 0), (length, 0), (length, shade_top + tilt), (0, shade_top)), 0.45)


def _paint_roof(
    canvas: Canvas, camera: Camera, building: Building, light: Light, rng: np.random.Generator, owner: int
) -> None:
    a, b, c, d = building.corners
    h, top = building.facade.height, building.facade.height + building.roof_height
    over = 0.35  # overhang of the eaves
    nx, _, nz = outward_normal(a, b)
    ridge = [((p[0] + q[0]) / 2, (p[1] + q[1]) / 2) for p, q in ((a, d), (b, c))]
    if building.roof == "hip":
        (x0, z0), (x1, z1) = ridge
        ridge = [(x0 + (x1 - x0) * 0.25, z0 + (z1 - z0) * 0.25), (x1 - (x1 - x0) * 0.25, z1 - (z1 - z0) * 0.25)]
    (r0x, r0z), (r1x, r1z) = ridge
    eaves = [(a[0] + nx * over, a[1] + nz * over), (b[0] + nx * over, b[1] + nz * over)]
    slopes = [
        ((d[0], h, d[1]), (a[0], h, a[1]), (r0x, top, r0z)),
        ((b[0], h, b[1]), (c[0], h, c[1]), (r1x, top, r1z)),
        (
            (eaves[0][0], h - 0.1, eaves[0][1]),
            (eaves[1][0], h - 0.1, eaves[1][1]),
            (r1x, top, r1z),
            (r0x, top, r0z),
        ),
    ]
    for k, face in enumerate(slopes):
        points = np.array(face, np.float32)
        normal = np.cross(points[2] - points[0], points[1] - points[0])
        normal /= max(1e-6, float(np.linalg.norm(normal)))
        if normal[1] < -0.01:
            normal = -normal
        if float((camera.position - points[0]) @ normal) <= 0:
            continue
        shape = camera.polygon(points)
        if shape is None:
            continue
        gable = building.roof == "gable" and k < 2
        base = building.facade.wall if gable else building.roof_colour
        colour = light.shade(base, (float(normal[0]), float(normal[1]), float(normal[2])))
        if k < 2 or shape.shape != (4, 2):
            canvas.fill(shape, colour, owner)
        else:
            canvas.warp(_tiles(colour, rng), shape[[3, 2, 1, 0]], owner)
    if building.roof == "gable":
        _paint_chimneys(canvas, camera, building, light, rng, owner, ridge, top)


def _tiles(colour: Colour, rng: np.random.Generator) -> Image.Image:
    """A roof slope's texture, ridge on top."""
    texture = Image.new("RGB", (96, 96), rgb(colour))
    draw = ImageDraw.Draw(texture)
    for y in range(0, 96, 6):
        draw.line((0, y, 96, y), fill=rgb([v * 0.8 for v in colour]))
    return roughen(texture, 0.09, rng)


def _paint_chimneys(
    canvas: Canvas, camera: Camera, building: Building, light: Light, rng: np.random.Generator,
    owner: int, ridge: list[Spot], top: float,
) -> None:  # fmt: skip
    for t in rng.uniform(0.05, 0.95, int(rng.integers(0, 3))):
        x = ridge[0][0] + (ridge[1][0] - ridge[0][0]) * float(t)
        z = ridge[0][1] + (ridge[1][1] - ridge[0][1]) * float(t)
        px, py, scale = camera.point(x, top - 0.5, z)
        if scale <= 0:
            continue
        points = np.array([(px - 0.45 * scale, py - 1.6 * scale), (px + 0.45 * scale, py)], np.float32)
        layer = canvas.layer(points)
        if layer is None:
            continue
        (x0, y0), (x1, y1) = points
        colour = light.shade(building.facade.wall, (-0.5, 0.0, -0.8))
        layer.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], [v * 0.85 for v in colour])
        layer.polygon(
            [(x0, y0), (x1, y0), (x1, y0 + 0.12 * (y1 - y0)), (x0, y0 + 0.12 * (y1 - y0))], [v * 0.65 for v in colour]
        )
        layer.commit(owner, rng)
