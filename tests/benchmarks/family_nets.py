"""Small random networks of every family that can be imported or trained, each made by its own library's means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.modelisation.export.importing.families import save, save_lraspp, save_unet
from tests.modelisation.export.importing.graphs import make_adapter, make_graph
from tests.modelisation.tiny import SEGFORMER

# Makes a network in an empty folder; what stands behind `python -m modelisation import` to import it.
Make = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Family:
    """A row of the table.

    Attributes:
        name: with the library.
        make: see `Make`; None for an architecture of this project.
        recipe: `architecture` and `build` of such a one.
    """

    name: str
    make: Make | None = None
    recipe: dict[str, Any] | None = None


def _own(name: str, architecture: str, **build: Any) -> Family:
    return Family(f"{name}, this project's", recipe={"architecture": architecture, "build": build})


def _hf(name: str, kind: str) -> Family:
    return Family(f"{name}, transformers", lambda folder: ["hf", str(save(kind, folder / kind))])


def _unet(folder: Path) -> list[str]:
    """At one size: tracing its graph for open ones kept SymPy busy for minutes, and was stopped then."""
    return ["smp", str(save_unet(folder)), "--labels", "cityscapes19", "--size", "512x256"]


def _lraspp(folder: Path) -> list[str]:
    weights = str(save_lraspp(folder))
    return ["torchvision", "lraspp_mobilenet_v3_large", "--weights", weights, "--labels", "cityscapes19"]


def _graph(folder: Path) -> list[str]:
    return ["onnx", str(make_graph(folder / "net.onnx")), "--card", str(make_adapter(folder / "net.yaml"))]


FAMILIES: Sequence[Family] = (
    _own("DeepLabV3+", "deeplabv3plus", encoder_name="resnet18", encoder_weights=None, decoder_channels=16),
    _own("SegFormer", "segformer", **SEGFORMER["build"]),
    _own("Mask2Former", "mask2former", variant="swin-nano"),
    _hf("SegFormer", "segformer"),
    _hf("UperNet with ConvNeXt", "upernet"),
    _hf("DPT", "dpt"),
    _hf("BEiT", "beit"),
    _hf("Mask2Former with Swin", "mask2former"),
    _hf("OneFormer with Swin", "oneformer"),
    _hf("EoMT", "eomt"),
    Family("Unet, segmentation-models-pytorch", _unet),
    Family("LRASPP, torchvision", _lraspp),
    Family("ONNX file of one convolution", _graph),
)
