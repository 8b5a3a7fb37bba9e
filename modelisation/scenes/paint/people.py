"""People, riders and their bicycles, drawn as figures that face the camera."""

import numpy as np

from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas, Colour, Layer
from modelisation.scenes.picture.light import Light

CLOTHES: tuple[Colour, ...] = (
    (30, 32, 38), (44, 48, 60), (72, 74, 78), (120, 118, 112), (150, 40, 40), (46, 70, 112), (196, 190, 178),
    (86, 96, 62), (110, 74, 52), (210, 170, 60), (120, 60, 100), (60, 120, 130), (222, 222, 218), (200, 100, 50),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = ((28, 30, 36), (46, 56, 82), (60, 60, 62), (110, 100, 84), (36, 36, 40), (84, 92, 110))
SKINS: tuple[Colour, ...] = ((226, 182, 152), (202, 152, 120), (150, 104, 76), (96, 66, 50), (236, 198, 172))
HAIR: tuple[Colour, ...] = ((30, 24, 22), (66, 46, 32), (120, 90, 56), (170, 160, 150), (40, 34, 34))


class _Figure:
    """Draws in the figure's own units: x to the right and y up from its foot, in metres."""

    def __init__(self, layer: Layer, foot_x: float, foot_y: float, scale: float, light: Light) -> None:
        self.layer, self.x, self.y, self.scale = layer, foot_x, foot_y, scale
        self.light = light

    def tint(self, colour: Colour, factor: float = 1.0) -> list[float]:
        shade = self.light.shade(colour, (0.0, 0.35, -0.6))
        return [v * factor for v in shade]

    def point(self, x: float, y: float) -> tuple[float, float]:
        return self.x + x * self.scale, self.y - y * self.scale

    def limb(
        self, a: tuple[float, float], b: tuple[float, float], wide: float, narrow: float, colour: list[float]
    ) -> None:
        """A tapered limb with round ends."""
        dx, dy = b[0] - a[0], b[1] - a[1]
        size = max(1e-6, float(np.hypot(dx, dy)))
        nx, ny = -dy / size, dx / size
        self.layer.polygon(
            [
                self.point(a[0] + nx * wide, a[1] + ny * wide), self.point(b[0] + nx * narrow, b[1] + ny * narrow),
                self.point(b[0] - nx * narrow, b[1] - ny * narrow), self.point(a[0] - nx * wide, a[1] - ny * wide),
            ],
            colour,
        )  # fmt: skip
        self.blob(*a, wide, wide, colour)
        self.blob(*b, narrow, narrow, colour)

    def blob(self, x: float, y: float, rx: float, ry: float, colour: list[float]) -> None:
        px, py = self.point(x, y)
        self.layer.ellipse(px, py, rx * self.scale, ry * self.scale, colour)

    def shape(self, points: list[tuple[float, float]], colour: list[float]) -> None:
        self.layer.polygon([self.point(x, y) for x, y in points], colour)


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(0, len(colours)))]


def paint_person(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], light: Light, rng: np.random.Generator
) -> None:
    """A walking or standing person whose feet are at a world point."""
    x, y, scale = camera.point(*at)
    if scale < 1.5:
        return
    tall = float(rng.choice((rng.uniform(1.55, 1.92), rng.uniform(1.0, 1.45)), p=(0.9, 0.1)))
    layer = canvas.layer(
        np.array([(x - 0.6 * scale, y - (tall + 0.1) * scale), (x + 0.6 * scale, y + 0.05 * scale)], np.float32)
    )
    if layer is None:
        return
    figure = _Figure(layer, x, y, scale, light)
    side_view = rng.random() < 0.4
    stride = float(rng.uniform(0.05, 0.24)) if side_view else float(rng.uniform(0.02, 0.08))
    _legs(figure, tall, stride, side_view, rng)
    _upper(figure, tall, 0.0, 0.0, side_view, rng)
    layer.commit(canvas.add(label_ids.PERSON, camera.focal / scale), rng, grain=0.07)


def _legs(figure: _Figure, tall: float, stride: float, side_view: bool, rng: np.random.Generator) -> None:
    trousers = _pick(rng, TROUSERS)
    hip, knee = 0.5 * tall, 0.27 * tall
    shoe = figure.tint(_pick(rng, ((26, 24, 24), (200, 198, 194), (70, 50, 38))))
    skirt = rng.random() < 0.15
    for k, way in enumerate((-1, 1)):
        colour = figure.tint(_pick(rng, SKINS[:3]) if skirt else trousers, 0.78 if k == 0 else 1.0)
        spread = 0.0 if side_view else 0.075 * way
        foot = (way * stride + spread, 0.05)
        bend = (way * stride * 0.35 + spread + (0.03 if side_view else 0), knee)
        figure.limb((spread * 0.9, hip), bend, 0.088, 0.062, colour)
        figure.limb(bend, foot, 0.062, 0.045, colour)
        toe = 0.1 if side_view else 0.02 * way
        figure.limb((foot[0], 0.035), (foot[0] + toe, 0.03), 0.042, 0.035, shoe)
    if skirt:
        figure.shape(
            [(-0.12, hip + 0.1), (0.12, hip + 0.1), (0.19, knee * 1.05), (-0.19, knee * 1.05)], figure.tint(trousers)
        )


def _upper(figure: _Figure, tall: float, lean: float, lift: float, side_view: bool, rng: np.random.Generator) -> None:
    """Torso, arms, head and perhaps a bag; `lean` moves the shoulders, `lift` raises the hips."""
    hip, shoulder, head = 0.5 * tall + lift, 0.81 * tall + lift, 0.925 * tall + lift
    coat = _pick(rng, CLOTHES)
    if rng.random() < 0.06:
        coat = (214.0, 226.0, 40.0)  # high-visibility jacket
    long = float(rng.uniform(0.0, 0.1)) if rng.random() < 0.6 else float(rng.uniform(0.12, 0.3))
    chest = 0.125 if side_view else 0.195
    cloth, dark = figure.tint(coat), figure.tint(coat, 0.72)
    swing = float(rng.uniform(-0.14, 0.14)) if side_view else 0.03
    if rng.random() < 0.25:
        figure.blob(lean * 0.6 - 0.1, 0.68 * tall + lift, 0.15, 0.2, figure.tint(_pick(rng, CLOTHES), 0.9))
    figure.limb((lean - chest * 0.8, shoulder - 0.03), (-chest - 0.02 - swing, hip - 0.02), 0.055, 0.042, dark)
    figure.shape(
        [
            (lean - chest * 0.55, shoulder + 0.03),
            (lean + chest * 0.55, shoulder + 0.03),
            (lean + chest, shoulder - 0.05),
            (chest * 0.82, hip + 0.02),
            (chest * 0.95, hip - long * tall),
            (-chest * 0.95, hip - long * tall),
            (-chest * 0.82, hip + 0.02),
            (lean - chest, shoulder - 0.05),
        ],
        cloth,
    )  # fmt: skip
    figure.shape(
        [
            (lean - chest, shoulder - 0.05),
            (lean - chest * 0.4, shoulder + 0.03),
            (-chest * 0.3, hip - long * tall),
            (-chest * 0.95, hip - long * tall),
        ],
        dark,
    )
    figure.limb(
        (lean + chest * 0.8, shoulder - 0.03),
        (chest + 0.02 + swing, hip - 0.02),
        0.055,
        0.042,
        figure.tint(coat, 0.9),
    )
    skin = _pick(rng, SKINS)
    figure.blob(chest + 0.02 + swing, hip - 0.05, 0.04, 0.05, figure.tint(skin))
    figure.limb((lean, shoulder), (lean, head - 0.05), 0.05, 0.05, figure.tint(skin, 0.8))
    figure.blob(lean, head, 0.072, 0.105, figure.tint(skin))
    hair = figure.tint(_pick(rng, HAIR))
    kind = rng.random()
    figure.blob(lean, head + 0.058, 0.078, 0.058, hair)
    if kind < 0.4:  # seen from behind
        figure.blob(lean, head + 0.02, 0.076, 0.095, hair)
    elif kind < 0.6:  # long hair beside the face
        figure.limb((lean - 0.065, head + 0.03), (lean - 0.07, head - 0.12), 0.028, 0.03, hair)
        figure.limb((lean + 0.065, head + 0.03), (lean + 0.07, head - 0.12), 0.028, 0.03, hair)
    elif kind < 0.7:  # a hat
        figure.blob(lean, head + 0.075, 0.09, 0.055, figure.tint(_pick(rng, CLOTHES)))
    if rng.random() < 0.3:
        figure.blob(-chest - 0.08, hip - 0.12, 0.1, 0.12, figure.tint(_pick(rng, CLOTHES), 0.85))


def paint_rider(
    canvas: Canvas,
    camera: Camera,
    at: tuple[float, float, float],
    light: Light,
    rng: np.random.Generator,
    *,
    end_on: bool,
) -> None:
    """A cyclist: the bicycle and its rider are two objects."""
    x, y, scale = camera.point(*at)
    if scale < 1.5:
        return
    distance = camera.focal / scale
    paint_bicycle(canvas, camera, at, light, rng, end_on=end_on)
    layer = canvas.layer(np.array([(x - 0.7 * scale, y - 1.95 * scale), (x + 0.7 * scale, y)], np.float32))
    if layer is None:
        return
    figure = _Figure(layer, x, y, scale, light)
    trousers = figure.tint(_pick(rng, TROUSERS))
    for k, way in enumerate((-1, 1)):
        up = 0.16 if k else 0.0
        if end_on:
            figure.limb((0.07 * way, 0.92), (0.11 * way, 0.6 + up), 0.085, 0.065, trousers)
            figure.limb((0.11 * way, 0.6 + up), (0.1 * way, 0.25 + up), 0.06, 0.045, trousers)
        else:
            knee = (0.22, 0.68 + up)
            figure.limb((-0.12, 0.94), knee, 0.085, 0.065, trousers)
            figure.limb(knee, (0.05 + 0.1 * way, 0.26 + up), 0.06, 0.045, trousers)
    if not end_on:
        figure.x -= 0.12 * scale
    _upper(figure, 1.72, 0.0 if end_on else 0.22, 0.06, not end_on, rng)
    if rng.random() < 0.5:  # helmet
        figure.blob(0.0 if end_on else 0.22, 1.72, 0.1, 0.08, figure.tint(_pick(rng, CLOTHES)))
    layer.commit(canvas.add(label_ids.RIDER, distance), rng, grain=0.06)


def paint_bicycle(
    canvas: Canvas,
    camera: Camera,
    at: tuple[float, float, float],
    light: Light,
    rng: np.random.Generator,
    *,
    end_on: bool,
    motor: bool = False,
) -> None:
    """A bicycle, or with `motor` a motorcycle, standing or ridden; seen from its end or its side."""
    x, y, scale = camera.point(*at)
    if scale < 1.5:
        return
    layer = canvas.layer(
        np.array([(x - 1.1 * scale, y - 1.2 * scale), (x + 1.1 * scale, y + 0.05 * scale)], np.float32)
    )
    if layer is None:
        return
    figure = _Figure(layer, x, y, scale, light)
    frame = figure.tint(_pick(rng, CLOTHES))
    dark = figure.tint((30, 30, 32))
    thick = 2.2 if motor else 1.0
    if end_on:
        figure.limb((0, 0.66), (0, 0.05), 0.035 * thick, 0.035 * thick, dark)
        figure.limb((0, 1.0), (0, 0.6), 0.04 * thick, 0.03 * thick, frame)
        figure.limb((-0.27, 1.04), (0.27, 1.04), 0.025, 0.025, dark)
        if motor:
            figure.blob(0, 0.75, 0.2, 0.24, frame)
    else:
        for cx in (-0.52, 0.52):
            ring = np.linspace(0, 2 * np.pi, 22)
            points = [figure.point(cx + 0.31 * float(np.cos(a)), 0.33 + 0.31 * float(np.sin(a))) for a in ring]
            layer.line(points, dark, max(0.6, 0.045 * thick * scale))
        crank, seat, head = (-0.08, 0.32), (-0.2, 0.86), (0.38, 0.86)
        for a, b in (
            (crank, seat),
            (crank, head),
            (seat, head),
            ((-0.52, 0.33), crank),
            ((-0.52, 0.33), seat),
            (head, (0.52, 0.33)),
        ):
            figure.limb(a, b, 0.022 * thick, 0.022 * thick, frame)
        figure.limb(seat, (-0.23, 0.98), 0.02, 0.02, dark)
        figure.limb((-0.34, 1.0), (-0.12, 0.99), 0.035, 0.03, dark)
        figure.limb(head, (0.36, 1.04), 0.02, 0.02, dark)
        figure.limb((0.36, 1.05), (0.5, 1.02), 0.025, 0.02, dark)
        if motor:
            figure.blob(0.0, 0.55, 0.34, 0.24, dark)
            figure.blob(0.12, 0.82, 0.24, 0.12, frame)
    layer.commit(
        canvas.add(label_ids.MOTORCYCLE if motor else label_ids.BICYCLE, camera.focal / scale), rng, grain=0.04
    )
