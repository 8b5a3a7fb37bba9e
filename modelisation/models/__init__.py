"""The architectures, by name. A new one is a `SegmentationModel` in a file of its own and a line here."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from back.runtime.card import WEIGHTS_FILE, BundleError, Card, read_card
from back.runtime.errors import UserError
from modelisation.models.base import SegmentationModel
from modelisation.models.deeplabv3plus import DeepLabV3Plus
from modelisation.models.imported.graph import GraphModel, graph_of
from modelisation.models.imported.huggingface import HuggingFace
from modelisation.models.imported.logits import Smp, Torchvision
from modelisation.models.mask2former import Mask2Former
from modelisation.models.segformer import SegFormer

ARCHITECTURES: dict[str, type[SegmentationModel]] = {
    cls.architecture: cls
    for cls in (DeepLabV3Plus, SegFormer, Mask2Former, HuggingFace, Smp, Torchvision)  # type: ignore[type-abstract]
}

__all__ = [
    "ARCHITECTURES",
    "SegmentationModel",
    "build_from_card",
    "build_model",
    "build_of",
    "load_bundle_model",
    "rebuild",
    "save_weights",
]
_PRETRAINED = ("encoder_weights", "pretrained")  # build arguments that load weights, or download them
_BUILD = "build"  # in the weights file's own metadata


def build_model(architecture: str, num_classes: int, **build: Any) -> SegmentationModel:
    """Build a network by name.

    Raises:
        UserError: unknown architecture, or build arguments that it does not take.
    """
    if architecture not in ARCHITECTURES:
        raise UserError(f"unknown architecture {architecture!r}; known: {', '.join(ARCHITECTURES)}")
    try:
        return ARCHITECTURES[architecture](num_classes, **build)
    except (TypeError, ValueError, KeyError, OSError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(
            f"{architecture} cannot be built with {build}: {reason}; change build in the recipe"
        ) from error


def build_from_card(card: Card) -> SegmentationModel:
    """The network that a card describes, with random weights: fit for `load_state_dict`, never downloads."""
    return rebuild(card.architecture, len(card.taxonomy.classes), card.build)


def rebuild(architecture: str, num_classes: int, build: Mapping[str, Any]) -> SegmentationModel:
    """A network as `build` made it once, with random weights. Raises as `build_model`."""
    unloaded = {key: None for key in _PRETRAINED if key in build}
    return build_model(architecture, num_classes, **(dict(build) | unloaded))


def save_weights(model: SegmentationModel, build: Mapping[str, Any], path: Path) -> None:
    """Write a network's tensors, and in the file's metadata what it takes to build the network around them.

    Args:
        model: the network.
        build: the arguments that it was built with; what pretrained weights decided about it is added.
        path: safetensors file to write.
    """
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, path, metadata={_BUILD: json.dumps(dict(build) | dict(model.structure), sort_keys=True)})
    path.chmod(0o644)  # safetensors makes files that only their owner can read


def build_of(weights: Path) -> dict[str, Any] | None:
    """The build arguments in a weights file; None in files from before they were kept there."""
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata() or {}
    return json.loads(metadata[_BUILD]) if _BUILD in metadata else None


def load_bundle_model(bundle: Path) -> SegmentationModel:
    """The trained network of a bundle, in eval mode; its `forward` gives the scores that `model.onnx` gives.

    Raises:
        BundleError: the folder is no bundle, or the card builds another network than the one that was trained.
    """
    card = read_card(bundle)
    if card.architecture == GraphModel.architecture:
        return graph_of(bundle)
    trained = build_of(bundle / WEIGHTS_FILE)
    if trained is not None and trained != card.build:
        changed = sorted(key for key in trained | card.build if trained.get(key) != card.build.get(key))
        raise BundleError(
            f"{bundle}: the card's build differs from that of the trained weights in {', '.join(changed)}; export "
            "the run again"
        )
    model = build_from_card(card)
    model.load_state_dict(load_file(bundle / WEIGHTS_FILE))
    return model.eval()
