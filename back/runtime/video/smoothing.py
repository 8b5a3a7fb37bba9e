"""Scores held over time, so that a pixel whose photo hardly changes keeps its class."""

import numpy as np
import numpy.typing as npt

from back.runtime.card import InputContract
from back.runtime.imaging import Photo

Float32Array = npt.NDArray[np.float32]


class Smoother:
    """Placeholder until measured."""

    def __init__(self, contract: InputContract) -> None:
        self._held: Float32Array | None = None

    def smooth(self, scores_CHW: Float32Array, photo: Photo) -> Float32Array:
        self._held = scores_CHW if self._held is None else np.float32(0.5) * (self._held + scores_CHW)
        return self._held
