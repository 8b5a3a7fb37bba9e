"""What every engine shares: its interface, the names of a network's tensors, and the sentences of its errors."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from back.runtime.card import ONNX_FILE
from back.runtime.errors import UserError

EngineKind = Literal["auto", "openvino", "onnxruntime"]
Precision = Literal["auto", "bf16", "fp32"]
UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]

INPUT_NAME = "image"
OUTPUT_NAME = "scores"


class PrecisionError(UserError):
    """The engine or this processor cannot compute in the precision asked for: says which would do."""


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
