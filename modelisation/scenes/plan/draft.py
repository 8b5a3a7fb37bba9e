"""A scene while it is planned: what every planner reads, and the list of things still to be painted.

Planners decide what stands where and only then is it painted, from far to near, so that what is near covers what is
far (the painter's algorithm).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from modelisation.scenes.paint.ground import Ground
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas
from modelisation.scenes.picture.light import Light
from modelisation.scenes.plan.street import FAR, Street


@dataclass
class Draft:
    """A scene in the making; `to_paint` holds pairs of a distance in metres and a call that paints."""

    canvas: Canvas
    camera: Camera
    street: Street
    light: Light
    ground: Ground
    rng: np.random.Generator
    to_paint: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def paint_later(self, distance: float, paint: Callable[..., object], *args: object, **options: object) -> None:
        """Call `paint(canvas, camera, *args, **options)` once everything farther away is painted."""
        self.to_paint.append((distance, partial(paint, self.canvas, self.camera, *args, **options)))

    def paint_all(self) -> None:
        """Paint what is planned, from far to near."""
        for _, paint in sorted(self.to_paint, key=lambda item: -item[0]):
            paint()

    @property
    def street_end(self) -> float:
        """How far along the road, in metres, the street's own houses reach."""
        return FAR if self.street.end is None else self.street.end - 1.0
