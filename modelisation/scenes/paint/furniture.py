"""Street furniture: lamp posts, signs, traffic lights, bollards, bins."""

import numpy as np

from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas, Colour
from modelisation.scenes.picture.light import Light

GREYS: tuple[Colour, ...] = ((112, 114, 116), (74, 78, 80), (48, 52, 54), (140, 142, 142), (44, 64, 56))


def _column(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], height: float, radius: float, colour: Colour,
    light: Light, rng: np.random.Generator,
) -> None:  # fmt: skip
    """An upright round post."""
    x, y, scale = camera.point(*at)
    if scale < 1.0:
        return
    tx, ty, _ = camera.point(at[0], at[1] + height, at[2])
    r = max(0.55, radius * scale)
    layer = canvas.layer(np.array([(min(x, tx) - r, ty), (max(x, tx) + r, y)], np.float32))
    if layer is None:
        return
    lit = light.shade(colour, (-0.4, 0.0, -0.8))
    layer.polygon([(x - r, y), (x + r, y), (tx + r * 0.8, ty), (tx - r * 0.8, ty)], lit)
    layer.polygon([(x + r * 0.3, y), (x + r, y), (tx + r * 0.8, ty), (tx + r * 0.3, ty)], [v * 0.62 for v in lit])
    layer.commit(canvas.add(label_ids.POLE, camera.focal / scale), rng, grain=0.03)


def paint_lamp(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], way: int, light: Light, rng: np.random.Generator
) -> None:
    """A lamp post whose arm reaches over the road (`way` is +1 towards the right)."""
    height, arm = float(rng.uniform(6, 9)), float(rng.uniform(0.8, 2.2))
    colour = GREYS[int(rng.integers(0, len(GREYS)))]
    _column(canvas, camera, at, height, 0.08, colour, light, rng)
    x, y, scale = camera.point(at[0], at[1] + height, at[2])
    ex, ey, _ = camera.point(at[0] + way * arm, at[1] + height + 0.35, at[2])
    if scale < 2:
        return
    layer = canvas.layer(
        np.array(
            [
                (min(x, ex) - 0.5 * scale, min(y, ey) - 0.3 * scale),
                (max(x, ex) + 0.5 * scale, max(y, ey) + 0.3 * scale),
            ],
            np.float32,
        )
    )
    if layer is None:
        return
    lit = light.shade(colour, (0, 0.2, -0.8))
    layer.line([(x, y), ((x + ex) / 2, ey), (ex, ey)], lit, max(0.7, 0.09 * scale))
    head: Colour | list[float] = (255.0, 236.0, 190.0) if light.lamps else [v * 0.9 for v in lit]
    layer.ellipse(ex, ey, max(0.8, 0.34 * scale), max(0.6, 0.1 * scale), head)
    layer.commit(canvas.add(label_ids.POLE, camera.focal / scale), rng, grain=0.02)


def paint_sign(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], light: Light, rng: np.random.Generator
) -> None:
    """A traffic sign on a post; some carry two plates."""
    height = float(rng.uniform(2.2, 3.2))
    _column(canvas, camera, at, height, 0.04, GREYS[0], light, rng)
    y = height - 0.1
    for _ in range(1 if rng.random() < 0.7 else 2):
        _plate(canvas, camera, (at[0], at[1] + y, at[2]), light, rng)
        y -= 0.75


def _plate(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], light: Light, rng: np.random.Generator
) -> None:
    x, y, scale = camera.point(*at)
    if scale < 2:
        return
    r = float(rng.uniform(0.28, 0.38)) * scale
    layer = canvas.layer(np.array([(x - 1.7 * r, y - 1.3 * r), (x + 1.7 * r, y + 1.3 * r)], np.float32))
    if layer is None:
        return

    def shade(colour: Colour) -> Colour:
        return light.shade(colour, (0.0, 0.1, -0.9))

    red, white, blue, black = shade((190, 24, 30)), shade((236, 236, 234)), shade((24, 70, 160)), shade((24, 24, 26))
    kind = int(rng.integers(0, 7))
    back = rng.random() < 0.2
    if back:
        layer.ellipse(x, y, r, r, shade((118, 120, 122)))
    elif kind == 0:  # warning
        layer.polygon([(x, y - r), (x + r, y + 0.75 * r), (x - r, y + 0.75 * r)], red)
        layer.polygon([(x, y - 0.55 * r), (x + 0.62 * r, y + 0.5 * r), (x - 0.62 * r, y + 0.5 * r)], white)
        layer.line([(x, y - 0.2 * r), (x, y + 0.35 * r)], black, 0.14 * r)
    elif kind in (1, 2):  # speed limit, no entry
        layer.ellipse(x, y, r, r, red)
        if kind == 1:
            layer.ellipse(x, y, 0.74 * r, 0.74 * r, white)
            layer.line([(x - 0.25 * r, y - 0.3 * r), (x - 0.25 * r, y + 0.3 * r)], black, 0.16 * r)
            layer.ellipse(x + 0.2 * r, y, 0.22 * r, 0.34 * r, black)
        else:
            layer.polygon(
                [
                    (x - 0.7 * r, y - 0.16 * r),
                    (x + 0.7 * r, y - 0.16 * r),
                    (x + 0.7 * r, y + 0.16 * r),
                    (x - 0.7 * r, y + 0.16 * r),
                ],
                white,
            )
    elif kind == 3:  # no stopping
        layer.ellipse(x, y, r, r, red)
        layer.ellipse(x, y, 0.78 * r, 0.78 * r, blue)
        layer.line([(x - 0.55 * r, y - 0.55 * r), (x + 0.55 * r, y + 0.55 * r)], red, 0.18 * r)
    elif kind == 4:  # mandatory
        layer.ellipse(x, y, r, r, blue)
        layer.polygon([(x, y - 0.6 * r), (x + 0.4 * r, y), (x - 0.4 * r, y)], white)
        layer.line([(x, y), (x, y + 0.55 * r)], white, 0.22 * r)
    else:  # a board
        colour = blue if kind == 5 else (white if rng.random() < 0.6 else shade((20, 96, 60)))
        w, h = 1.5 * r, float(rng.uniform(0.6, 1.2)) * r
        layer.polygon([(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)], colour)
        ink = black if colour is white else white
        for k in (-0.4, 0.1, 0.6):
            layer.line(
                [(x - 0.75 * w, y + k * h), (x + float(rng.uniform(-0.2, 0.75)) * w, y + k * h)], ink, 0.16 * h
            )
    layer.commit(canvas.add(label_ids.TRAFFIC_SIGN, camera.focal / scale), rng, grain=0.02)


def paint_traffic_light(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], state: int, light: Light, rng: np.random.Generator
) -> None:
    """A signal on a post; `state` 0 red, 1 amber, 2 green."""
    _column(canvas, camera, at, 2.5, 0.06, GREYS[2], light, rng)
    x, y, scale = camera.point(at[0], at[1] + 2.9, at[2])
    if scale < 2:
        return
    w, h = 0.2 * scale, 0.52 * scale
    layer = canvas.layer(np.array([(x - w * 1.4, y - h * 1.2), (x + w * 1.4, y + h * 1.2)], np.float32))
    if layer is None:
        return
    layer.polygon(
        [
            (x - 1.3 * w, y - 1.12 * h),
            (x + 1.3 * w, y - 1.12 * h),
            (x + 1.3 * w, y + 1.12 * h),
            (x - 1.3 * w, y + 1.12 * h),
        ],
        light.shade((34, 34, 36), (0, 0, -1)),
    )
    colours: tuple[Colour, ...] = ((255, 50, 40), (255, 180, 40), (60, 240, 140))
    for k, colour in enumerate(colours):
        bright = colour if k == state else tuple(v * 0.16 for v in colour)
        layer.ellipse(x, y + (k - 1) * 0.66 * h, 0.62 * w, 0.62 * w, bright)
    layer.commit(canvas.add(label_ids.TRAFFIC_LIGHT, camera.focal / scale), rng, grain=0.02)


def paint_bollard(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], light: Light, rng: np.random.Generator
) -> None:
    """A bollard a metre high."""
    _column(canvas, camera, at, float(rng.uniform(0.8, 1.1)), 0.07, GREYS[int(rng.integers(1, 3))], light, rng)


def paint_bin(
    canvas: Canvas, camera: Camera, at: tuple[float, float, float], light: Light, rng: np.random.Generator
) -> None:
    """A litter bin or cabinet; Cityscapes calls it `static`, which evaluation ignores."""
    options: tuple[Colour, ...] = ((40, 44, 42), (40, 84, 60), (150, 152, 150), (60, 70, 96), (96, 60, 48))
    x, y, scale = camera.point(*at)
    w, h = float(rng.uniform(0.22, 0.4)) * scale, float(rng.uniform(0.9, 1.3)) * scale
    layer = canvas.layer(np.array([(x - 1.1 * w, y - 1.1 * h), (x + 1.1 * w, y)], np.float32)) if scale > 2 else None
    if layer is None:
        return
    lit = light.shade(options[int(rng.integers(0, len(options)))], (-0.3, 0.0, -0.8))
    layer.polygon([(x - 0.9 * w, y), (x + 0.9 * w, y), (x + w, y - h), (x - w, y - h)], lit)
    layer.polygon(
        [(x + 0.35 * w, y), (x + 0.9 * w, y), (x + w, y - h), (x + 0.4 * w, y - h)], [v * 0.75 for v in lit]
    )
    layer.polygon(
        [(x - w, y - h), (x + w, y - h), (x + w, y - 0.86 * h), (x - w, y - 0.86 * h)], [v * 0.6 for v in lit]
    )
    layer.polygon(
        [
            (x - 0.5 * w, y - 0.8 * h),
            (x + 0.2 * w, y - 0.8 * h),
            (x + 0.2 * w, y - 0.6 * h),
            (x - 0.5 * w, y - 0.6 * h),
        ],
        [v * 1.25 for v in lit],
    )
    layer.commit(canvas.add(label_ids.STATIC, camera.focal / scale), rng, grain=0.05)
