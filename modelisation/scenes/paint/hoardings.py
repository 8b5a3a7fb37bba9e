"""The boards around a building site: joined panels, some with a poster or a firm's name."""

from dataclasses import dataclass

import numpy as np

from modelisation.scenes.paint.shopfronts import word_mask
from modelisation.scenes.paint.walls import Sheet, Spot, is_outside, outward_normal, paint_wall
from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas, Colour
from modelisation.scenes.picture.light import Light

WHITE: Colour = (226, 226, 222)
COLOURS: tuple[Colour, ...] = (
    (214, 218, 224), (40, 74, 134), (58, 108, 168), (46, 96, 74), (120, 122, 124),
    (176, 142, 96), (150, 44, 42), (52, 54, 58), (206, 178, 60),
)  # fmt: skip
PIECE = 3.0  # metres painted at a time


@dataclass(frozen=True)
class Hoarding:
    """How the boards of one site look; lengths in metres, `seed` decides what each panel shows."""

    seed: int
    height: float
    panel: float
    colours: tuple[Colour, Colour]
    posters: float  # share of panels with one
    band: bool


def sample_hoarding(rng: np.random.Generator) -> Hoarding:
    """Draw the boards of a site."""
    first, second = (COLOURS[int(i)] for i in rng.choice(len(COLOURS), 2, replace=False))
    if rng.random() < 0.4:
        first = WHITE
    return Hoarding(
        int(rng.integers(0, 1 << 31)),
        float(rng.uniform(1.9, 3.4)),
        float(rng.uniform(1.1, 3.0)),
        (first, second if rng.random() < 0.6 else first),
        float(rng.choice((0.0, 0.25, 0.7))),
        bool(rng.random() < 0.35),
    )


def paint_hoarding(
    canvas: Canvas, camera: Camera, a: Spot, b: Spot, look: Hoarding, light: Light, foot: float, start: float
) -> None:
    """A piece of the boards on the line a -> b, `foot` metres above the ground, `start` metres from their begin.

    Labelled as building, as CamVid's annotators do.
    """
    length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
    turned = not is_outside(camera, a, b)
    if turned:
        a, b = b, a
    normal = outward_normal(a, b)
    top = foot + look.height

    def draw(sheet: Sheet) -> None:
        sheet.fill(light.shade(look.colours[0], normal), np.random.default_rng(look.seed), 0.04)
        for k in range(int(start // look.panel), int((start + length) // look.panel) + 1):
            x0, x1 = k * look.panel - start, (k + 1) * look.panel - start
            if turned:
                x0, x1 = length - x1, length - x0
            _draw_panel(sheet, look, k, light, normal, (x0, x1), (foot, top))
        if look.band:
            sheet.rect(0, top - 0.3, length, top, light.shade(look.colours[1], normal))

    depth = float(np.hypot((a[0] + b[0]) / 2 - camera.position[0], (a[1] + b[1]) / 2))
    paint_wall(canvas, camera, a, b, top, canvas.add(label_ids.BUILDING, depth), draw, foot=foot)


def _draw_panel(
    sheet: Sheet, look: Hoarding, number: int, light: Light, normal: tuple[float, float, float],
    across: tuple[float, float], up: tuple[float, float],
) -> None:  # fmt: skip
    """One panel, metres `across` and `up` (from, to), with its joint and what hangs on it."""
    own = np.random.default_rng([look.seed, number])
    (x0, x1), (y0, y1) = across, up
    colour = look.colours[number % 2]
    if look.colours[0] != look.colours[1]:
        sheet.rect(x0, y0, x1, y1, light.shade(colour, normal))
    sheet.rect(x0, y0, x0 + 0.04, y1, [v * 0.6 for v in light.shade(colour, normal)])
    if own.random() >= look.posters:
        return
    inner, low, high = 0.12 * (x1 - x0), y0 + 0.25 * (y1 - y0), y0 + 0.85 * (y1 - y0)
    paper = own.uniform(20, 245, 3)
    sheet.rect(x0 + inner, low, x1 - inner, high, light.shade(tuple(paper.tolist()), normal))
    ink = (240, 238, 230) if float(paper.sum()) < 380 else (30, 34, 52)
    middle = 0.55 * low + 0.45 * high
    sheet.stamp(
        word_mask(int(own.integers(0, 40))),
        x0 + 1.5 * inner,
        middle,
        x1 - 1.5 * inner,
        high - 0.1,
        light.shade(ink, normal),
    )
    for line in np.arange(low + 0.1, middle - 0.1, 0.16).tolist():
        sheet.rect(
            x0 + 1.6 * inner, line, x1 - float(own.uniform(1.6, 3.5)) * inner, line + 0.05, light.shade(ink, normal)
        )
