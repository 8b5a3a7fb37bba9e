"""Trees in leaf and bare, hedges and shrubs."""

from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageFilter

from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas, Colour, Layer, rgb
from modelisation.scenes.picture.light import Light
from modelisation.scenes.picture.noise import SIZE, fractal, smoothstep

CROWN = 160  # side of a crown's texture, pixels
CROWNS = 10
TONE = 150.0  # grey value of brightness 1
LEAVES: tuple[Colour, ...] = (
    (86, 108, 48), (70, 96, 46), (104, 122, 56), (58, 82, 48), (122, 128, 62), (150, 120, 52), (48, 70, 44),
)  # fmt: skip
BARK: Colour = (92, 80, 68)


def sample_leaf(rng: np.random.Generator) -> Colour:
    """A colour of foliage."""
    return LEAVES[int(rng.integers(0, len(LEAVES)))]


def vary(leaf: Colour, rng: np.random.Generator) -> Colour:
    """The same foliage, a little lighter or darker: one of three, so that sprites are shared."""
    factor = (0.86, 1.0, 1.14)[int(rng.integers(0, 3))]
    return leaf[0] * factor, leaf[1] * factor, leaf[2] * factor


@cache
def _crown(index: int) -> tuple[Image.Image, Image.Image]:
    """A leafy crown, lit from above left: its cover and its brightness (in units of 1 / TONE), both "L"."""
    rng = np.random.default_rng(100 + index)
    yy, xx = np.mgrid[0:CROWN, 0:CROWN].astype(np.float32) / CROWN
    cover = np.zeros((CROWN, CROWN), np.float32)
    tone = np.full((CROWN, CROWN), 0.55, np.float32)
    conical = index % 4 == 3
    for _ in range(46):
        angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        cy = 0.52 + 0.36 * reach * np.sin(angle)
        narrow = (0.15 + 0.85 * cy) if conical else 1.0
        cx = 0.5 + 0.36 * reach * np.cos(angle) * narrow
        radius = rng.uniform(0.06, 0.15)
        dx, dy = (xx - cx) / radius, (yy - cy) / radius
        inside = np.clip(1.25 - (dx * dx + dy * dy), 0.0, 1.0)
        lit = 0.80 + 0.30 * np.clip(-0.5 * dx - 0.75 * dy, -1, 1) - 0.28 * (cy - 0.5)
        weight = np.clip(inside * 3, 0, 1)
        tone += (lit - tone) * weight
        cover = np.maximum(cover, inside)
    y0, x0 = rng.integers(0, SIZE - CROWN, 2)
    leaves = fractal(0.35, 11)[y0 : y0 + CROWN, x0 : x0 + CROWN]
    clumps = fractal(1.0, 12)[y0 : y0 + CROWN, x0 : x0 + CROWN]
    ragged = cover + np.minimum(1.0, cover * 4) * (0.13 * leaves + 0.16 * clumps)
    alpha = smoothstep(0.3, 0.55, ragged)
    tone = np.clip(tone * (1.0 + 0.17 * leaves + 0.16 * clumps) * TONE, 0, 255)
    return Image.fromarray((alpha * 255).astype(np.uint8)), Image.fromarray(tone.astype(np.uint8))


@lru_cache(maxsize=64)
def leaf_sprite(index: int, colour: Colour, light: Light, mirrored: bool) -> Image.Image:
    """A crown as an RGBA picture under the scene's light."""
    alpha, tone = _crown(index)
    bright = light.shade(colour, (0.0, 0.6, -0.5))
    dark = light.shade(colour, (0.0, 0.0, 0.0))
    value = np.maximum(np.arange(256) / TONE - 0.35, 0.0)
    bands = [
        tone.point(np.clip(0.45 * d + 0.95 * b * value, 0, 255).astype(int).tolist())
        for d, b in zip(dark, bright, strict=True)
    ]
    sprite = Image.merge("RGBA", [*bands, alpha])
    return sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else sprite


def paint_tree(
    canvas: Canvas,
    camera: Camera,
    at: tuple[float, float, float],
    height: float,
    colour: Colour | None,
    light: Light,
    rng: np.random.Generator,
) -> None:
    """A tree at a world point; `colour` None is a bare one."""
    x, y, scale = camera.point(*at)
    if scale < 0.5:
        return
    wide = height * float(rng.uniform(0.55, 0.95))
    box = np.array([(x - wide / 2 * scale, y - height * scale), (x + wide / 2 * scale, y)], np.float32)
    layer = canvas.layer(box, soft=colour is not None)
    if layer is None:
        return
    bark = light.shade(BARK, (-0.3, 0.0, -0.7))
    girth = height * 0.028 * scale
    owner = canvas.add(label_ids.VEGETATION, camera.focal / scale)
    if colour is None:
        _paint_branches(layer, x, y, height * scale, bark, owner, rng)
        return
    stem = float(rng.uniform(0.25, 0.42)) * height
    lean = float(rng.normal(0, 0.03)) * height * scale
    top = (x + lean, y - 0.7 * height * scale)
    fork = (x + lean * 0.5, y - stem * scale)
    layer.polygon(
        [(x - girth, y), (x + girth, y), (fork[0] + girth * 0.6, fork[1]), (fork[0] - girth * 0.6, fork[1])], bark
    )
    layer.polygon([(x + girth * 0.2, y), (x + girth, y), (fork[0] + girth * 0.6, fork[1])], [v * 0.7 for v in bark])
    for way in (-1.0, -0.4, 0.5, 1.0):
        layer.line([fork, (top[0] + way * wide * 0.25 * scale, top[1])], [v * 0.8 for v in bark], girth * 0.5)
    sprite = leaf_sprite(int(rng.integers(0, CROWNS)), colour, light, bool(rng.random() < 0.5))
    crown = height - stem * 0.75
    layer.image(sprite, x + lean - wide / 2 * scale, y - height * scale, wide * scale, crown * scale)
    layer.commit(owner, rng, grain=0.13)


def _paint_branches(
    layer: Layer, x: float, y: float, length: float, bark: Colour, owner: int, rng: np.random.Generator
) -> None:
    """A bare tree, `length` pixels tall: forks of lines.

    It owns the space that its twigs fill, as human annotators outline such trees.
    """
    size = length * layer.factor
    foot = ((x - layer.left) * layer.factor, (y - layer.top) * layer.factor)
    grow = np.array([[*foot, -np.pi / 2 + rng.normal(0, 0.04), 0.29 * size, 0.028 * size]])
    for level in range(7):
        start, angle, reach = grow[:, :2], grow[:, 2:3], grow[:, 3:4]
        tips = start + reach * np.concatenate((np.cos(angle), np.sin(angle)), axis=1)
        tint = rgb([v * (1.0 - 0.05 * level) for v in bark])
        for a, b, girth in zip(start.tolist(), tips.tolist(), grow[:, 4].tolist(), strict=True):
            layer.draw.line((*a, *b), fill=tint, width=max(1, round(girth)))
        if grow[0, 3] < 3.0:
            break
        forks = 3 if level in (0, 2, 4) else 2
        grow = np.repeat(np.concatenate((tips, grow[:, 2:]), axis=1), forks, axis=0)
        grow = rng.permutation(grow)[: 260 if size > 700 else 130]
        fan = (np.arange(len(grow)) % forks - (forks - 1) / 2) * 0.42
        grow[:, 2] += fan + rng.normal(0, 0.24, len(grow)) - 0.13 * (grow[:, 2] + np.pi / 2)
        grow[:, 3] *= rng.uniform(0.58, 0.86, len(grow))
        grow[:, 4] *= 0.56
    alpha = layer.sheet.getchannel("A").reduce(layer.factor)
    soft = alpha.filter(ImageFilter.BoxBlur(max(1, int(0.022 * length))))
    layer.commit(owner, rng, grain=0.05, cover=soft.point([0] * 24 + [255] * 232))


def paint_bush(
    canvas: Canvas,
    camera: Camera,
    at: tuple[float, float, float],
    width: float,
    height: float,
    colour: Colour,
    light: Light,
    rng: np.random.Generator,
) -> None:
    """A shrub or a piece of hedge, `width` by `height` metres."""
    x, y, scale = camera.point(*at)
    if scale < 0.5:
        return
    w, h = width * scale, height * scale
    layer = canvas.layer(np.array([(x - w / 2, y - h), (x + w / 2, y)], np.float32), soft=True)
    if layer is None:
        return
    sprite = leaf_sprite(int(rng.integers(0, CROWNS)), colour, light, bool(rng.random() < 0.5))
    layer.image(sprite.crop((12, 14, CROWN - 12, CROWN - 44)), x - w / 2, y - h, w, h)
    layer.commit(canvas.add(label_ids.VEGETATION, camera.focal / scale), rng, grain=0.13)
