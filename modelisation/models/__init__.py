"""The architectures, by name. A new one is a `SegmentationModel` in a file of its own and a line here."""

from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import load_file

from back.runtime.card import WEIGHTS_FILE, Card, read_card
from back.runtime.errors import UserError
from modelisation.models.base import SegmentationModel
from modelisation.models.deeplabv3plus import DeepLabV3Plus
from modelisation.models.segformer import SegFormer

ARCHITECTURES: dict[str, type[SegmentationModel]] = {
    cls.architecture: cls
    for cls in (DeepLabV3Plus, SegFormer)  # type: ignore[type-abstract]
}

__all__ = ["ARCHITECTURES", "SegmentationModel", "build_from_card", "build_model", "load_bundle_model"]


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
    build = dict(card.build)
    for key in ("encoder_weights", "pretrained"):
        if key in build:
            build[key] = None
    return build_model(card.architecture, len(card.taxonomy.classes), **build)


def load_bundle_model(bundle: Path) -> SegmentationModel:
    """The trained network of a bundle, in eval mode; its `forward` gives the scores that `model.onnx` gives."""
    model = build_from_card(read_card(bundle))
    model.load_state_dict(load_file(bundle / WEIGHTS_FILE))
    return model.eval()
