"""The packaged ImageNet weights are built as they were trained: padding and batch-norm epsilon, checked by result."""

from pathlib import Path

import numpy as np
import pytest
import sklearn
import timm
import torch
from PIL import Image
from timm.layers import Conv2dSame
from torch import Tensor, nn

from modelisation.models.deeplabv3plus import DeepLabV3Plus
from modelisation.models.pretrained import PACKAGED, load_packaged_weights

WEIGHTS = PACKAGED["timm-tf_efficientnet_lite0"]
PHOTOS = Path(sklearn.__file__).parent / "datasets" / "images"
PALACE, DAISY = 698, 985  # ImageNet's classes nearest to what the two photos show


def photo(name: str) -> Tensor:
    """The middle of a photo as ImageNet's networks are shown it, float32 [1, 3, 224, 224]."""
    image = Image.open(PHOTOS / name).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    small = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255
    return (pixels - torch.tensor(WEIGHTS.mean).view(1, 3, 1, 1)) / torch.tensor(WEIGHTS.std).view(1, 3, 1, 1)


def classifier(padding: str, eps: float) -> nn.Module:
    """The whole classification network: TensorFlow's SAME padding, or PyTorch's symmetric one."""
    net = timm.create_model("tf_efficientnet_lite0" if padding == "same" else "efficientnet_lite0").eval()
    load_packaged_weights(net, WEIGHTS)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps
    return net


@torch.no_grad()
def misfit(net: nn.Module) -> float:
    """How far channel means on photos lie from the batch norms' running means, in their standard deviations."""
    distances = []

    def compare(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        deviation = (norm.running_var + norm.eps).sqrt()
        distances.append(((inputs[0].mean((0, 2, 3)) - norm.running_mean).abs() / deviation).mean().item())

    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(compare)
    for name in ("china.jpg", "flower.jpg"):
        net(photo(name))
    return float(np.mean(distances))


@pytest.mark.parametrize(("name", "expected"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
def test_the_weights_recognise_photos(name, expected):
    with torch.no_grad():
        scores = classifier("same", WEIGHTS.batch_norm_eps)(photo(name))
    assert scores.argmax().item() == expected


def test_same_padding_and_the_recorded_epsilon_fit_the_weights_own_statistics_best():
    fits = {
        (padding, eps): misfit(classifier(padding, eps)) for padding in ("same", "symmetric") for eps in (1e-3, 1e-5)
    }
    assert min(fits, key=fits.get) == ("same", WEIGHTS.batch_norm_eps), fits


def test_the_symmetric_padding_of_smps_encoder_costs_the_weights_little():
    encoder = DeepLabV3Plus(8).net.encoder
    strided = [m for m in encoder.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]
    assert strided
    assert not any(isinstance(m, Conv2dSame) for m in strided)
    symmetric, same = (misfit(classifier(padding, WEIGHTS.batch_norm_eps)) for padding in ("symmetric", "same"))
    assert symmetric < 1.05 * same
