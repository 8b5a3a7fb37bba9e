"""What light and cameras do to colours: cast, exposure, gamma, contrast, sharpness, vignetting, noise,
compression."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from modelisation.evaluation.weather import CORRUPTIONS
from modelisation.recipe import Augmentation
from modelisation.training.samples.draw import integer, uniform

# Largest values that are drawn: gains of e^0.25 between channels are the light of a bulb against that of shade.
_CAST, _GAMMA, _VIGNETTE, _NOISE = 0.25, 0.4, 0.5, 10.0


def make_colour_changes(augmentation: Augmentation) -> v2.Compose | None:
    """The changes of a recipe on uint8 [3, H, W], in the order in which they happen to a photo; None for none."""
    a = augmentation
    changes: list[Any] = []
    if a.vignette:
        changes.append(v2.RandomApply([_Vignette()], a.vignette))
    if a.weather:
        changes.append(v2.RandomApply([_Weather(a.weather_kinds, *a.weather_severity)], a.weather))
    if a.cast or a.gamma:
        changes.append(_Tone(a.cast, a.gamma))
    if a.brightness or a.contrast or a.saturation or a.hue:
        changes.append(v2.ColorJitter(a.brightness, a.contrast, a.saturation, a.hue))
    if a.blur:
        changes.append(v2.RandomApply([v2.GaussianBlur(7, sigma=(0.3, 1.5))], a.blur))
    if a.noise:
        changes.append(v2.RandomApply([_Noise()], a.noise))
    if a.sharpen:
        changes.append(v2.RandomAdjustSharpness(2.0, a.sharpen))
    if a.jpeg:
        changes.append(v2.RandomApply([v2.JPEG((30, 90))], a.jpeg))
    return v2.Compose(changes) if changes else None


class _Tone(torch.nn.Module):
    """A gain of its own for each channel, exp(U(-0.25, 0.25)) over their mean, and one gamma, by one table."""

    def __init__(self, cast: float, gamma: float) -> None:
        super().__init__()
        self.cast, self.gamma = cast, gamma

    def forward(self, image: Tensor) -> Tensor:
        gains_3 = torch.ones(3)
        if uniform(0, 1) < self.cast:
            gains_3 = torch.empty(3).uniform_(-_CAST, _CAST).exp()
            gains_3 = gains_3 / gains_3.mean()
        exponent = math.exp(uniform(-_GAMMA, _GAMMA)) if uniform(0, 1) < self.gamma else 1.0
        values = torch.linspace(0, 1, 256) ** exponent
        table = (255 * gains_3[:, None] * values).round().clamp(0, 255).to(torch.uint8)
        pixels = image.as_subclass(Tensor)
        return tv_tensors.Image(torch.stack([table[c][pixels[c].int()] for c in range(3)]))


class _Vignette(torch.nn.Module):
    """Corners darker by up to a half, about a centre that may lie anywhere in the middle of the crop."""

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        y = torch.linspace(-1, 1, height)[:, None] - uniform(-0.5, 0.5)
        x = torch.linspace(-1, 1, width)[None] - uniform(-0.5, 0.5)
        shade = 1 - uniform(0, _VIGNETTE) * ((y * y + x * x) / 2).clamp(max=1)
        return tv_tensors.Image((image.as_subclass(Tensor).float() * shade).round().to(torch.uint8))


class _Weather(torch.nn.Module):
    """One of these standard corruptions, at a severity between two, both included."""

    def __init__(self, kinds: Sequence[str], least: int, most: int) -> None:
        super().__init__()
        self.kinds, self.least, self.most = kinds, least, most

    def forward(self, image: Tensor) -> Tensor:
        corrupt = CORRUPTIONS[self.kinds[integer(len(self.kinds))]]
        rng = np.random.default_rng(integer(1 << 31))
        image_HWC = image.as_subclass(Tensor).permute(1, 2, 0).contiguous().numpy()
        changed_HWC = corrupt(image_HWC, self.least + integer(self.most - self.least + 1), rng)
        return tv_tensors.Image(torch.from_numpy(changed_HWC).permute(2, 0, 1).contiguous())


class _Noise(torch.nn.Module):
    """Gaussian noise on uint8 with sigma drawn up to 10/255; torchvision's own takes floats alone."""

    def forward(self, image: Tensor) -> Tensor:
        noisy = image.as_subclass(Tensor).float() + torch.randn(image.shape) * uniform(0, _NOISE)
        return tv_tensors.Image(noisy.round().clamp(0, 255).to(torch.uint8))
