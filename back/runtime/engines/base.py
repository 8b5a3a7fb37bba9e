"""What every engine shares: its interface, the names of a network's tensors, and the sentences of its errors."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from back.runtime.card import ONNX_FILE, Card
from back.runtime.errors import UserError

EngineKind = Literal["auto", "openvino", "onnxruntime", "cuda"]
Precision = Literal["auto", "bf16", "fp32", "int8"]
UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]

INPUT_NAME = "image"
OUTPUT_NAME = "scores"


class PrecisionError(UserError):
    """The engine or this processor cannot compute in the precision asked for: says which would do."""


class DeviceError(UserError):
    """The engine wants a device, or a program for it, that this machine does not have: says what to do."""


class Engine(Protocol):
    """A compiled network. `run` may be called from several threads at once."""

    name: str
    precision: str
    reason: str
    threads: int

    def run(self, image_NHWC: UInt8Array) -> Float32Array:
        """Scores of one picture.

        Args:
            image_NHWC: uint8 [1, height, width, 3] RGB, height and width multiples of the card's stride.

        Returns:
            float32 [classes, height / score stride, width / score stride], owned by the caller.
        """
        ...

    def prepare(self, height: int, width: int) -> None:
        """Get ready for inputs of this size, so that every answer for it comes from the same compiled network."""
        ...

    def steady(self, height: int, width: int) -> "SteadyEngine":
        """An engine for many inputs of this size alone, two at a time, all by one network that is compiled now.

        For clips and folders, where photos a second count and not how soon the first one comes.
        """
        ...


@runtime_checkable
class LabellingEngine(Protocol):
    """An engine that also turns scores into labels, on its own device."""

    def labels(
        self, image_NHWC: UInt8Array, height: int, width: int, valid_height: float, valid_width: float
    ) -> UInt8Array | None:
        """Labels of one picture, as `upsample_argmax` gives them of its scores but for rounding in float32.

        Args:
            image_NHWC: as for `Engine.run`.
            height, width: of the photo.
            valid_height, valid_width: rows and columns of scores that belong to the photo, possibly fractional.

        Returns:
            uint8 [height, width]; None where a score is not finite.
        """
        ...


@dataclass
class SteadyEngine:
    """One network for one input size. See `Engine.steady`."""

    name: str
    precision: str
    reason: str
    threads: int
    run: Callable[[UInt8Array], Float32Array]

    def prepare(self, height: int, width: int) -> None:
        pass  # it was made for its size

    def steady(self, height: int, width: int) -> "SteadyEngine":
        return self


def precision_name(card: Card, rest: str) -> str:
    """What an engine calls its precision: int8 for a network that was quantised, else what the `rest` is in."""
    return rest if card.quantisation is None else "int8"


def cannot_load(bundle: Path, engine: str, error: Exception) -> str:
    # OpenVINO says first where in its own source an error was found, and then what it is.
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from ", "Check '"))] or lines
    reason = " ".join(told)[:300] or type(error).__name__
    return f"{bundle / ONNX_FILE}: {engine} cannot load it: {reason}; export the bundle again"


def wrong_names(bundle: Path, inputs: list[str], outputs: list[str]) -> str:
    return (
        f"{bundle / ONNX_FILE}: has inputs {inputs} and outputs {outputs} where a bundle's network has "
        f"[{INPUT_NAME!r}] and [{OUTPUT_NAME!r}]; export the bundle again"
    )
