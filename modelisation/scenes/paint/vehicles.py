"""Paint vehicles: an extruded side profile in perspective, then glass, wheels, lights and plates."""

import numpy as np
import numpy.typing as npt

from modelisation.scenes.paint.vehicle_shapes import Shape
from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import NEAR, Camera, Floats
from modelisation.scenes.picture.canvas import Canvas, Colour, Layer
from modelisation.scenes.picture.light import Light

RING = np.stack([f(np.linspace(0, 2 * np.pi, 18, endpoint=False)) for f in (np.cos, np.sin)], axis=1)
BLACK: Colour = (14, 14, 16)


class _Body:
    """A shape placed in the world; its own coordinates are (0 rear .. 1 front, height m, m to the right)."""

    def __init__(self, shape: Shape, camera: Camera, x: float, z: float, heading: float) -> None:
        self.shape, self.camera = shape, camera
        self.sin, self.cos = float(np.sin(heading)), float(np.cos(heading))
        s, c = self.sin, self.cos
        # rows: where a unit of each body coordinate leads in the world
        axes = np.array([[s * shape.length, 0, c * shape.length], [0, 1, 0], [c, 0, -s]], np.float32)
        self.axes = axes @ camera.rotation.T
        rear = np.array([x - s * shape.length / 2, 0, z - c * shape.length / 2], np.float32)
        self.origin = (rear - camera.position) @ camera.rotation.T
        dx, dz = float(camera.position[0]) - x, float(camera.position[2]) - z
        self.sideways, self.ahead = dx * c - dz * s, dx * s + dz * c  # where the camera stands, metres
        heights = np.array([p[1] for p in shape.profile])
        order = np.argsort(heights)
        self._heights = heights[order]
        self._widths = np.array([p[2] for p in shape.profile])[order] * shape.width / 2

    def to_camera(self, points: npt.ArrayLike) -> Floats:
        return (np.asarray(points, np.float32).reshape(-1, 3) @ self.axes + self.origin).astype(
            np.float32, copy=False
        )

    def pixels(self, points: npt.ArrayLike) -> Floats:
        return self.camera.to_pixels(self.to_camera(points))

    def half_width(self, height: float) -> float:
        """Half the body's width at a height (the cabin leans in)."""
        return float(np.interp(height, self._heights, self._widths))

    def to_world_direction(self, along: float, up: float, across: float) -> tuple[float, float, float]:
        """A direction in body axes, in the world."""
        return self.sin * along + self.cos * across, up, self.cos * along - self.sin * across


def footprint(shape: Shape, x: float, z: float, heading: float) -> list[tuple[float, float]]:
    """The body's corners on the ground (x, z)."""
    s, c = float(np.sin(heading)), float(np.cos(heading))
    w, along = shape.width / 2, shape.length / 2
    ends = ((-w, -along), (w, -along), (w, along), (-w, along))
    return [(x + c * u + s * v, z - s * u + c * v) for u, v in ends]


def paint_vehicle(
    canvas: Canvas,
    camera: Camera,
    shape: Shape,
    x: float,
    z: float,
    heading: float,
    paint: Colour,
    light: Light,
    rng: np.random.Generator,
) -> None:
    """Paint a vehicle standing at (x, z), its front towards `heading`; nothing where it reaches the lens."""
    body = _Body(shape, camera, x, z, heading)
    w = shape.width / 2
    corners = body.to_camera([(0, 0, -w), (0, 0, w), (1, 0, w), (1, 0, -w)])
    if corners[:, 2].min() < NEAR + 0.3:
        return
    profile = np.array(shape.profile, np.float32)
    rim = profile * np.array([1, 1, w], np.float32)
    left, right = body.pixels(rim * np.array([1, 1, -1], np.float32)), body.pixels(rim)
    outline = np.concatenate((left, right, camera.to_pixels(corners)))
    span = float(np.ptp(outline[:, 0]))
    layer = canvas.layer(outline) if span > 1.5 else None
    if layer is None:
        return
    fine = span > 22
    side = 1 if body.sideways > 0 else -1
    _paint_under(layer, body, side)
    _paint_strips(layer, body, left, right, paint, light)
    if abs(body.sideways) > w:
        _paint_flank(layer, body, side, right if side > 0 else left, paint, light, fine, rng)
    if fine:
        _paint_end(layer, body, body.ahead > 0, paint, light, rng)
    layer.commit(
        canvas.add(shape.label, float(corners[:, 2].mean())), rng, grain=0.02, gradient=0.14 if fine else 0.0
    )


def _paint_under(layer: Layer, body: _Body, side: int) -> None:
    """The dark beneath the body, and the tyres as seen from the end."""
    shape = body.shape
    w, base = shape.width / 2 * 0.92, shape.profile[0][1] + 0.05
    end = 0.96 if body.ahead > 0 else 0.04
    layer.polygon(body.pixels([(end, 0.1, -w), (end, 0.1, w), (end, base, w), (end, base, -w)]), BLACK)
    flank = [(0.03, 0.12, side * w), (0.97, 0.12, side * w), (0.97, base, side * w), (0.03, base, side * w)]
    layer.polygon(body.pixels(flank), BLACK)
    for along in shape.wheels:
        r, to = shape.radius, (0.9 if body.ahead > 0 else -0.9)
        u = along + to * shape.radius / shape.length
        for outer in (-w, w):
            inner = outer * (1 - 0.22 / w)
            tyre = [(u, 0, outer), (u, 0, inner), (u, r * 1.4, inner), (u, r * 1.4, outer)]
            layer.polygon(body.pixels(tyre), (22, 22, 24))


def _paint_strips(layer: Layer, body: _Body, left: Floats, right: Floats, paint: Colour, light: Light) -> None:
    """The surfaces that run across the body: ends, bonnet, roof, windscreen."""
    profile = body.shape.profile
    for k, kind in enumerate(body.shape.strips):
        a, b = k, (k + 1) % len(profile)
        quad = np.array((left[a], left[b], right[b], right[a]))
        if kind == "u" or _area(quad) <= 0:
            continue
        du, dy = (profile[b][0] - profile[a][0]) * body.shape.length, profile[b][1] - profile[a][1]
        size = max(1e-6, float(np.hypot(du, dy)))
        up = du / size
        shade = light.shade(paint, body.to_world_direction(-dy / size, up, 0.0))
        if kind == "b":
            gloss = 0.2 * max(0.0, up) ** 2
            layer.polygon(quad, [v * (1 - gloss) + h * gloss for v, h in zip(shade, light.horizon, strict=True)])
            continue
        layer.polygon(quad, [v * 0.75 for v in shade])
        glass = quad + (quad.mean(axis=0) - quad) * 0.09
        layer.polygon(glass, _glass(light, 0.32 if up > 0.2 else 0.2))
        # the upper part mirrors a brighter piece of the sky
        top = [glass[1], glass[2], 0.6 * glass[2] + 0.4 * glass[3], 0.75 * glass[1] + 0.25 * glass[0]]
        if profile[b][1] < profile[a][1]:
            top = [glass[0], glass[3], 0.6 * glass[3] + 0.4 * glass[2], 0.75 * glass[0] + 0.25 * glass[1]]
        layer.polygon(np.array(top), _glass(light, 0.42 if up > 0.2 else 0.27))


def _glass(light: Light, mirror: float) -> Colour:
    r, g, b = (d * (1 - mirror) + 0.85 * v * mirror for d, v in zip((22.0, 26.0, 30.0), light.horizon, strict=True))
    return r, g, b


def _paint_flank(
    layer: Layer,
    body: _Body,
    side: int,
    outline: Floats,
    paint: Colour,
    light: Light,
    fine: bool,
    rng: np.random.Generator,
) -> None:
    """The side that looks at the camera."""
    shape = body.shape
    car = shape.label == label_ids.CAR
    base = light.shade(paint, body.to_world_direction(0.0, 0.0, float(side)))
    layer.polygon(outline, base)
    waist = 0.62 if car else 0.95
    if fine:  # the lower body turns away from the sky, the shoulder towards it
        for top, factor in ((waist, 0.86), (waist - 0.18, 0.74)):
            sill = [(u, min(y, top), side * body.half_width(0.5)) for u, y, _ in shape.profile]
            layer.polygon(body.pixels(sill), [v * factor for v in base])
    mirror = float(rng.uniform(0.1, 0.3))
    for window in shape.windows:
        pane = np.array([(u, y, side * body.half_width(y)) for u, y in window])
        layer.polygon(body.pixels(pane), _glass(light, mirror))
        if fine:
            upper = pane.copy()
            upper[[0, -1]] += (upper[[1, -2]] - upper[[0, -1]]) * 0.55
            layer.polygon(body.pixels(upper), _glass(light, mirror + 0.12))
    if fine and car:
        dark = [v * 0.55 for v in base]
        for u in (0.425, 0.67) if len(shape.windows) > 1 else (0.62,):
            layer.line(
                body.pixels([(u, 0.36, side * body.half_width(0.5)), (u, 0.97, side * body.half_width(0.97))]),
                dark,
                0.5,
            )
            handle = [(u - 0.06, 0.84, side * body.half_width(0.84)), (u - 0.025, 0.84, side * body.half_width(0.84))]
            layer.line(body.pixels(handle), dark, 0.8)
    tint = light.ambient[0] + 0.3 * light.sun_colour[0]
    w = side * shape.width / 2
    r = shape.radius
    for along in shape.wheels:
        for radius, grey in ((r * 1.22, 12), (r, 30), (r * 0.66, 122), (r * 0.5, 88), (r * 0.18, 130)):
            if fine or radius >= r:
                ring = np.empty((len(RING), 3))
                ring[:, 0] = along + RING[:, 0] * (radius / shape.length)
                ring[:, 1] = np.maximum(0.0, r + RING[:, 1] * radius)
                ring[:, 2] = w
                layer.polygon(body.pixels(ring), (grey * tint,) * 3)


def _paint_end(layer: Layer, body: _Body, front: bool, paint: Colour, light: Light, rng: np.random.Generator) -> None:
    """Lights, number plate, grille or doors on the end that looks at the camera."""
    shape = body.shape
    u = 1.006 if front else -0.006
    w = shape.width / 2
    big = shape.label != label_ids.CAR
    bright = max(light.ambient[0], 0.35) + 0.2 * light.sun_colour[0]

    def box(x0: float, y0: float, x1: float, y1: float, colour: Colour, lit: float = 1.0) -> None:
        layer.polygon(body.pixels([(u, y0, x0), (u, y0, x1), (u, y1, x1), (u, y1, x0)]), [v * lit for v in colour])

    low = shape.profile[0][1]
    bumper = paint if rng.random() < 0.5 else (52.0, 52.0, 54.0)
    box(-w * 0.94, low, w * 0.94, low + 0.24, bumper, 0.62 * bright)
    box(-w * 0.8, low, w * 0.8, low + 0.1, BLACK)
    y = (1.0 if big else 0.66) if front else (1.0 if big else shape.tail)
    for side in (-1, 1):
        if front:
            on = light.lamps or light.weather in ("rain", "fog")
            box(
                side * w * 0.6,
                y,
                side * w * 0.93,
                y + 0.15,
                (255, 252, 238) if on else (206, 210, 214),
                1.0 if on else bright,
            )
        else:
            lamp = (228, 30, 26) if light.lamps or rng.random() < 0.3 else (150, 22, 22)
            box(side * w * 0.78, y - 0.14, side * w * 0.95, y + 0.12, lamp)
            box(side * w * 0.78, y - 0.02, side * w * 0.95, y + 0.03, (214, 150, 120), bright)
    if front:
        box(-w * 0.5, y - 0.04, w * 0.5, y + 0.12, (24, 24, 26), bright)
    elif shape.doors:
        seam = [v * 0.5 for v in light.shade(paint, body.to_world_direction(-1.0, 0.0, 0.0))]
        layer.line(body.pixels([(u, low + 0.2, 0.0), (u, shape.height - 0.2, 0.0)]), seam, 0.8)
    plate: Colour = (226, 190, 60) if not front and rng.random() < 0.5 else (224, 224, 218)
    box(-0.26, low + 0.2, 0.26, low + 0.31, plate, bright)


def _area(quad: Floats) -> float:
    """Signed area of a quad; positive where its corners run clockwise on the screen."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = quad.tolist()
    return (x2 - x0) * (y3 - y1) - (x3 - x1) * (y2 - y0)
