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

_PASSED = 0.3  # metres before the camera at which a thing counts as passed


@dataclass
class Drive:
    """Where the camera of a drive is, and what keeps a thing's looks from one frame to the next.

    Attributes:
        seed: of the drive.
        travelled: metres along the road since its begin.
        planned: how many things are planned so far, in an order that no frame changes.
    """

    seed: int
    travelled: float
    planned: int = 0

    def own(self, argument: object) -> object:
        """An argument of a painter's; in place of the scene's generator one of the thing's own.

        From the scene's each thing would draw what those before it leave, which is another in each frame.
        """
        if isinstance(argument, np.random.Generator):
            return np.random.default_rng([self.seed, self.planned])
        return argument


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
    drive: Drive | None = None

    def paint_later(self, distance: float, paint: Callable[..., object], *args: object, **options: object) -> None:
        """Call `paint(canvas, camera, *args, **options)` once everything farther away is painted."""
        if self.drive is not None:
            if distance < self.drive.travelled + _PASSED:
                self.drive.planned += 1
                return
            args = tuple(self.drive.own(arg) for arg in args)
            self.drive.planned += 1
        self.to_paint.append((distance, partial(paint, self.canvas, self.camera, *args, **options)))

    def paint_all(self) -> None:
        """Paint what is planned, from far to near."""
        for _, paint in sorted(self.to_paint, key=lambda item: -item[0]):
            paint()

    def moved(self, ahead: bool) -> float:
        """How far, in metres along the road, traffic has come since a drive began: as far as its camera."""
        if self.drive is None:
            return 0.0
        return self.drive.travelled if ahead else -self.drive.travelled

    @property
    def street_end(self) -> float:
        """How far along the road, in metres, the street's own houses reach."""
        return FAR if self.street.end is None else self.street.end - 1.0
