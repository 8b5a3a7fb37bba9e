"""What the planners of a scene share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from modelisation.scenes.paint.ground import Ground
from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import Canvas
from modelisation.scenes.picture.light import Light
from modelisation.scenes.plan.street import FAR, Street

Place = tuple[float, float, float]  # a world point


@dataclass
class Stage:
    """A scene in the making; `acts` are (distance, paint) pairs."""

    canvas: Canvas
    camera: Camera
    street: Street
    light: Light
    ground: Ground
    rng: np.random.Generator
    acts: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def queue(self, distance: float, paint: Callable[..., object], *args: object, **options: object) -> None:
        """Call `paint(canvas, camera, *args, **options)` once everything farther away is painted."""
        self.acts.append((distance, partial(paint, self.canvas, self.camera, *args, **options)))

    def paint(self) -> None:
        """Paint what is queued, from far to near."""
        for _, act in sorted(self.acts, key=lambda item: -item[0]):
            act()

    @property
    def end(self) -> float:
        """s at which the street's own frontages end."""
        return FAR if self.street.end is None else self.street.end - 1.0
