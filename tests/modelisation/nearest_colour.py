"""The test bundles' network in PyTorch, so that it can be set against the ONNX file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from back.runtime.card import WEIGHTS_FILE, read_card, sha256_of
from back.runtime.taxonomy import STREET8
from modelisation import models
from modelisation.models.base import SegmentationModel
from tests.bundles import paint, rewrite_card, stripes


class NearestColour(SegmentationModel):
    """The test bundles' network in PyTorch."""

    architecture = "nearest-colour"

    def __init__(self, num_classes: int, classes: int) -> None:
        super().__init__(num_classes)
        self.head = nn.Conv2d(3, classes, 1)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.head(functional.avg_pool2d(image_NCHW, 4))

    def encoder_layers(self) -> list[list[nn.Module]]:
        return []


@pytest.fixture(autouse=True)
def nearest_colour_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.ARCHITECTURES, "nearest-colour", NearestColour)


def spoil_torch_weights(bundle: Path) -> None:
    """Other weights for PyTorch than for ONNX, in a bundle that is consistent otherwise."""
    weights = load_file(bundle / WEIGHTS_FILE)
    weights["head.bias"] = weights["head.bias"] + np.linspace(0, 0.5, 8, dtype=np.float32)
    save_file(weights, bundle / WEIGHTS_FILE)
    files = read_card(bundle).files | {WEIGHTS_FILE: sha256_of(bundle / WEIGHTS_FILE)}
    rewrite_card(bundle, files=files)


def write_noisy_stripes(root: Path) -> Path:
    """Three noisy pictures whose labels are right and which the network knows for sure, as a plain folder."""
    rng = np.random.default_rng(1)
    labels = stripes(100, 200, 8)
    for name in ("images", "labels"):
        (root / "val" / name).mkdir(parents=True)
    for i in range(3):
        clean = paint(labels, STREET8).astype(int)
        noisy = np.clip(clean + rng.integers(-30, 31, clean.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(root / "val" / "images" / f"{i}.png")
        Image.fromarray(labels).save(root / "val" / "labels" / f"{i}.png")
    return root
