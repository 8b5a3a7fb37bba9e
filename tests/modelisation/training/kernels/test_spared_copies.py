"""Without copies that serve nothing: the same numbers, and gradients in the order in which kernels are fast."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import profile

from modelisation.models.channels_last import with_channels_last_gradient
from modelisation.recipe import Recipe
from modelisation.training.kernels.spared_copies import spare_copies
from modelisation.training.setup import build_from_recipe
from tests.modelisation.tiny import TINY


class Decoder(nn.Module):
    """A small decoder as DeepLabV3+ has it: features are upsampled and concatenated with finer ones."""

    def __init__(self) -> None:
        super().__init__()
        self.coarse = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.up = nn.UpsamplingBilinear2d(scale_factor=2)
        self.mix = nn.Conv2d(11, 4, 1)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.mix(torch.cat([self.up(self.coarse(image_NCHW)), image_NCHW], 1))


@pytest.fixture
def image() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 3, 12, 16).contiguous(memory_format=torch.channels_last)


def decoder() -> Decoder:
    torch.manual_seed(1)
    return Decoder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def test_scores_and_gradients_stay_the_same(image: Tensor) -> None:
    plain = decoder()
    spared = copy.deepcopy(plain)
    spare_copies(spared)
    scores = [net(image) for net in (plain, spared)]
    torch.testing.assert_close(scores[0], scores[1], rtol=0, atol=0)
    for one in scores:
        one.square().sum().backward()
    for (name, a), b in zip(plain.named_parameters(), spared.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, msg=name)


def copies(net: nn.Module, image: Tensor) -> int:
    with profile() as seen:
        net(image)
    return sum(event.count for event in seen.key_averages() if event.key == "aten::clone")


def test_nothing_is_copied_on_the_way_to_the_scores(image: Tensor) -> None:
    net = decoder()
    assert copies(net, image) == 1
    spare_copies(net)
    assert copies(net, image) == 0


@pytest.mark.parametrize("layer", [nn.UpsamplingBilinear2d(scale_factor=2), nn.Upsample(scale_factor=2)])
def test_a_part_of_a_larger_gradient_comes_to_upsampling_as_a_whole(layer: nn.Module, image: Tensor) -> None:
    def gradient() -> Tensor:
        seen: list[Tensor] = []
        large = layer(image.clone().requires_grad_())
        large.register_hook(seen.append)
        torch.cat([large, large.detach()], 1).square().sum().backward()
        return seen[0]

    assert not gradient().is_contiguous(memory_format=torch.channels_last)
    spare_copies(layer)
    assert gradient().is_contiguous(memory_format=torch.channels_last)


def test_without_gradients_a_tensor_passes_as_it_is(image: Tensor) -> None:
    assert with_channels_last_gradient(image) is image


def test_training_begins_with_such_a_network() -> None:
    deeplab = {"architecture": "deeplabv3plus", "build": {"encoder_name": "timm-tf_efficientnet_lite0"}}
    model = build_from_recipe(Recipe.model_validate(TINY | deeplab))
    assert [layer for layer in model.modules() if isinstance(layer, nn.Hardtanh)]
    assert not [layer for layer in model.modules() if isinstance(layer, nn.Hardtanh) and layer.inplace]
    scores = model.to_pixels(torch.randn(1, 2, 4, 4, requires_grad=True))
    seen: list[Tensor] = []
    scores.register_hook(seen.append)
    scores.square().sum().backward()
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
