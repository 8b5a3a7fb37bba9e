"""Other ways to run a model than the served one, for `evaluate` and `compare`: mirrored, in overlapping windows.

All of them end in the served runtime's own upsampling and argmax, so that only the scores differ.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from back.runtime.errors import UserError
from back.runtime.imaging import plan_resize, to_input

if TYPE_CHECKING:  # a command's help reads the names here, and needs no engine
    from back.runtime.predictor import Predictor

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


SERVED = "served"


@dataclass(frozen=True)
class InferenceOptions:
    """How to infer.

    Attributes:
        flip: average the scores with those of the mirrored photo (twice the cost).
        window: (height, width) in pixels of the resized photo: infer overlapping windows of this size instead of
            the whole, each a multiple of the contract's stride; neighbours overlap by about a third.
    """

    flip: bool = False
    window: tuple[int, int] | None = None

    @property
    def served(self) -> bool:
        """Whether this is what the service itself does."""
        return not self.flip and self.window is None

    @property
    def label(self) -> str:
        """`served`, `flip`, `256x320` (height x width of the windows) or `256x320+flip`; see `parse_inference`."""
        if self.window is None:
            return "flip" if self.flip else SERVED
        return "{}x{}".format(*self.window) + ("+flip" if self.flip else "")

    def as_json(self) -> dict[str, Any]:
        return {"flip": self.flip, "sliding_window": list(self.window) if self.window else None}


def parse_inference(text: str) -> InferenceOptions:
    """Read `served`, `flip`, `256x320` or `256x320+flip`.

    Raises:
        UserError: it is none of them.
    """
    if match := re.fullmatch(r"(\d+)x(\d+)(\+flip)?", text):
        return InferenceOptions(flip=match[3] is not None, window=(int(match[1]), int(match[2])))
    if text not in (SERVED, "flip"):
        raise UserError(f"{text!r}: write {SERVED}, flip, HEIGHTxWIDTH of the windows, or HEIGHTxWIDTH+flip")
    return InferenceOptions(flip=text == "flip")


@dataclass(frozen=True)
class PhotoScores:
    """Scores of one photo, `values` float32 [C, h, w], and how much of them is photo, in score cells."""

    values: Floats
    valid_height: float
    valid_width: float

    def labels(self, height: int, width: int) -> Pixels:
        """uint8 [height, width] by the runtime's exact argmax."""
        from back.runtime.upsample import upsample_argmax

        return upsample_argmax(self.values, height, width, self.valid_height, self.valid_width)

    def confidence(self, height: int, width: int, temperature: float) -> npt.NDArray[np.uint16]:
        """uint16 [height, width] by the runtime's own softmax, see `confidence_map`."""
        from back.runtime.confidence import confidence_map

        return confidence_map(self.values, height, width, self.valid_height, self.valid_width, temperature)


def score_photo(predictor: "Predictor", image_HWC: Pixels, options: InferenceOptions) -> PhotoScores:
    """Scores of one photo, uint8 [H, W, 3] RGB, through the predictor's engine.

    Raises:
        UserError: the window is no multiple of the stride, or the model has a fixed input size.
    """
    contract = predictor.input
    height, width = image_HWC.shape[:2]
    plan = plan_resize(height, width, contract, None)
    pixels = to_input(image_HWC, plan, contract)
    if options.window is not None:
        if contract.fixed_size is not None:
            raise UserError(f"{predictor.card.name} takes one input size alone: windows need a dynamic model")
        if any(side < 1 or side % contract.stride for side in options.window):
            raise UserError(f"a window of {options.window} is no multiple of the stride {contract.stride}")
    scores = _score_windows(predictor, pixels, options.window)
    if options.flip:
        # The whole padded input is mirrored, so that both grids of scores meet cell by cell.
        mirrored = _score_windows(predictor, np.ascontiguousarray(pixels[:, ::-1]), options.window)
        scores = np.ascontiguousarray((scores + mirrored[:, :, ::-1]) / np.float32(2))
    return PhotoScores(scores, plan.height / contract.score_stride, plan.width / contract.score_stride)


def window_starts(size: int, window: int, step_unit: int) -> list[int]:
    """Where windows start along one axis: evenly, on multiples of `step_unit`, overlapping by about a third."""
    if window >= size:
        return [0]
    count = -(-(size - window) // max(step_unit, window * 2 // 3)) + 1
    last = size - window
    return sorted({round(last * i / (count - 1) / step_unit) * step_unit for i in range(count - 1)} | {last})


def _score_windows(predictor: "Predictor", pixels: Pixels, window: tuple[int, int] | None) -> Floats:
    if window is None:
        return np.asarray(predictor.engine.run(pixels[None]))
    height, width = pixels.shape[:2]
    contract = predictor.card.input
    high, wide = min(window[0], height), min(window[1], width)
    stride = contract.score_stride
    total: Floats | None = None
    seen = np.zeros((height // stride, width // stride), np.float32)
    for top in window_starts(height, high, contract.stride):
        for left in window_starts(width, wide, contract.stride):
            part = predictor.engine.run(np.ascontiguousarray(pixels[None, top : top + high, left : left + wide]))
            if total is None:
                total = np.zeros((part.shape[0], *seen.shape), np.float32)
            y, x = top // stride, left // stride
            total[:, y : y + part.shape[1], x : x + part.shape[2]] += part
            seen[y : y + part.shape[1], x : x + part.shape[2]] += 1
    assert total is not None  # every photo has at least one window
    return np.divide(total, seen, out=total)
