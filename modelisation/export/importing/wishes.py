"""What whoever imports a model decides about it. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wishes:
    """What the command line says.

    Attributes:
        name: of the bundle and the registered model.
        classes: class set to predict; None takes the model's own labels.
        maps: label -> class or `ignore`.
        labels: class set whose classes the head's channels are, in order, where the source does not name them.
        licence: of the weights, where the source does not say.
        mean, std: on 0..1 and RGB, where the source does not say.
        pixel_budget, size: in place of what the source tells; `size` fixes (height, width).
    """

    name: str
    classes: str | None = None
    maps: Mapping[str, str] = field(default_factory=dict)
    labels: str | None = None
    licence: str | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    pixel_budget: int | None = None
    size: tuple[int, int] | None = None
