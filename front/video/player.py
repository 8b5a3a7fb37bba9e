"""The player: films of one clip side by side under one set of controls, and class shares with a cursor."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from front.ui.components import component
from front.viewer.canvas import describe_shares

_mount = component("streetseg_player", Path(__file__).parent, "player", ("films.js", "areas.js", "player.js"))


@dataclass(frozen=True)
class Film:
    """One film; `codec` is what it was made with, for the sentence where the browser cannot play it."""

    title: str
    url: str
    codec: str


@dataclass(frozen=True)
class Area:
    """A stacked area: shares 0..1, float [points, classes], at `seconds`, float [points]; a colour a class."""

    title: str
    seconds: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    names: Sequence[str]
    colours: Sequence[Sequence[int]]

    @property
    def alt(self) -> str:
        """The chart in words: the mean over the clip."""
        means = dict(zip(self.names, self.values.mean(0).tolist(), strict=True))
        return f"Stacked area of class shares over time. On average {describe_shares(self.title, means)}"


@dataclass(frozen=True)
class Jump:
    """A moment worth a look."""

    seconds: float
    text: str


def show(
    films: Sequence[Film], areas: Sequence[Area], jumps: Sequence[Jump], *, key: str, goes_on: bool = False
) -> None:
    """Mount the player.

    Args:
        goes_on: other films are longer ones of the same clip, so that they begin where the reader was.
    """
    content = {
        "films": [asdict(film) for film in films],
        "areas": [
            {
                "title": area.title,
                "alt": area.alt,
                "seconds": np.round(area.seconds, 3).tolist(),
                "values": np.round(area.values, 4).T.tolist(),
                "names": list(area.names),
                "colours": [list(colour) for colour in area.colours],
            }
            for area in areas
        ],
        "jumps": [asdict(jump) for jump in jumps],
        "goesOn": goes_on,
    }
    identity = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    _mount(data={"id": identity, **content}, key=key)
