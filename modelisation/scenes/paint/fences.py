"""Fences, railings, garden walls and hedges."""

from dataclasses import dataclass

import numpy as np

from modelisation.scenes.paint.walls import Sheet, Spot, is_outside, outward_normal, paint_wall
from modelisation.scenes.picture import label_ids
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas, Colour
from modelisation.scenes.picture.light import Light


@dataclass(frozen=True)
class Fence:
    """What stands between a garden and the pavement; `kind` is wall, hedge, boards or rail."""

    kind: str
    label: int
    colour: Colour
    height: float


RAIL = Fence("rail", label_ids.FENCE, (96, 98, 100), 1.1)


def sample_fence(rng: np.random.Generator) -> Fence | None:
    """Draw a kind of fence, or none."""
    kind = str(rng.choice(("wall", "hedge", "boards", "rail", "none"), p=(0.3, 0.22, 0.12, 0.16, 0.2)))
    if kind == "wall":
        colour = ((152, 112, 86), (172, 166, 152), (130, 92, 74))[int(rng.integers(0, 3))]
        return Fence(kind, label_ids.WALL, colour, float(rng.uniform(0.6, 1.9)))
    if kind == "hedge":
        return Fence(kind, label_ids.VEGETATION, (62, float(rng.uniform(76, 96)), 44), float(rng.uniform(0.9, 2.1)))
    if kind == "boards":
        return Fence(kind, label_ids.FENCE, (124, float(rng.uniform(90, 108)), 72), float(rng.uniform(1.2, 1.9)))
    return RAIL if kind == "rail" else None


def paint_fence(
    canvas: Canvas,
    camera: Camera,
    a: Spot,
    b: Spot,
    fence: Fence,
    light: Light,
    rng: np.random.Generator,
    foot: float,
) -> None:
    """A piece of fence on the line a -> b, `foot` metres above the ground."""
    if not is_outside(camera, a, b):
        a, b = b, a
    normal = outward_normal(a, b)
    length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
    base = light.shade(fence.colour, normal)
    top = foot + fence.height

    def draw(sheet: Sheet) -> None:
        if fence.kind == "hedge":
            sheet.fill(base, rng, 0.2)
            sheet.rect(0, top - 0.12, length, top, [v * 1.2 for v in base])
            return
        sheet.fill(base, rng, 0.06, 0.11 if fence.kind == "wall" else 0.0)
        if fence.kind == "wall":
            sheet.rect(0, top - 0.12, length, top, [v * 1.15 for v in base])
            return
        step, wide = (0.14, 0.02) if fence.kind == "boards" else (0.12, 0.085)
        if sheet.sx * step > 2:  # gaps between boards or bars
            gap = [v * 0.5 for v in light.shade((118, 112, 100), normal)]
            for x in np.arange(max(0.0, sheet.left), sheet.right, step).tolist():
                sheet.rect(x, foot + 0.08, x + wide, top - 0.1, gap)

    depth = float(np.hypot((a[0] + b[0]) / 2 - camera.position[0], (a[1] + b[1]) / 2))
    paint_wall(canvas, camera, a, b, top, canvas.add(fence.label, depth), draw, foot=foot)
