"""Training augmentation on uint8 tensors with torchvision.transforms.v2."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from modelisation.data.base import Sample
from modelisation.recipe import Augmentation
from modelisation.training.samples.copy_paste import Paster
from modelisation.training.samples.draw import integer, uniform


class ScaleCrop(torch.nn.Module):
    """Resize by a random factor and crop, in one resampling of the part that is kept.

    With probability `rare_class` the crop is placed on a pixel of a class drawn uniformly from those in the picture,
    so that small classes are seen as often as large ones. Where the resized picture is smaller than the crop, the
    rest is filled with `fill` and ignored.
    """

    def __init__(self, augmentation: Augmentation, fill: tuple[int, int, int], ignore_index: int) -> None:
        super().__init__()
        self.crop = augmentation.crop
        self.scale = augmentation.scale
        self.rare_class = augmentation.rare_class
        self.fill = list(fill)
        self.ignore_index = ignore_index

    def forward(self, image_CHW: Tensor, label_HW: Tensor) -> tuple[Tensor, Tensor]:
        height, width = label_HW.shape[-2:]
        factor = math.exp(uniform(math.log(self.scale[0]), math.log(self.scale[1])))
        box_height = min(height, round(self.crop[0] / factor))
        box_width = min(width, round(self.crop[1] / factor))
        top, left = self._place(label_HW, height - box_height, width - box_width, box_height, box_width)
        size = [min(self.crop[0], round(box_height * factor)), min(self.crop[1], round(box_width * factor))]
        image = F.resized_crop(image_CHW, top, left, box_height, box_width, size, antialias=True)
        label = F.resized_crop(
            label_HW[None], top, left, box_height, box_width, size, interpolation=v2.InterpolationMode.NEAREST_EXACT
        )[0]
        pad = [0, 0, self.crop[1] - size[1], self.crop[0] - size[0]]
        if any(pad):
            image = F.pad(image, pad, fill=self.fill)
            label = F.pad(label[None], pad, fill=[self.ignore_index])[0]
        return image, label

    def _place(self, label_HW: Tensor, free_y: int, free_x: int, box_h: int, box_w: int) -> tuple[int, int]:
        if uniform(0, 1) < self.rare_class:
            present = (
                torch.bincount(label_HW.flatten().long(), minlength=256)[: self.ignore_index].nonzero().flatten()
            )
            if len(present):
                chosen = present[integer(len(present))]
                pixels = (label_HW == chosen).flatten().nonzero().flatten()
                y, x = divmod(int(pixels[integer(len(pixels))]), label_HW.shape[-1])
                # The pixel may lie anywhere in the crop, so that it is not always seen at the centre.
                top, left = y - integer(box_h), x - integer(box_w)
                return min(max(top, 0), free_y), min(max(left, 0), free_x)
        return integer(free_y + 1), integer(free_x + 1)


class TrainingTransform:
    """Sample -> (image uint8 [3, h, w], label uint8 [h, w]) of the crop's size; reproducible by `seed`.

    Args:
        augmentation: what is done, and how often.
        mean: of the network's input, 0..1; the colour of what lies outside a picture.
        ignore_index: the label there.
        paster: pastes objects into the picture before the crop; it is what `augmentation.copy_paste` describes.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        mean: tuple[float, float, float],
        ignore_index: int,
        paster: Paster | None = None,
    ) -> None:
        self.paster = paster
        fill = (round(255 * mean[0]), round(255 * mean[1]), round(255 * mean[2]))
        a = augmentation
        self.scale_crop = ScaleCrop(a, fill, ignore_index)
        joint: list[Any] = [v2.RandomHorizontalFlip(a.flip)]
        if a.rotate:
            fills: dict[Any, Any] = {tv_tensors.Image: list(fill), tv_tensors.Mask: ignore_index}
            rotation = v2.RandomRotation(7, interpolation=v2.InterpolationMode.BILINEAR, fill=fills)
            joint.append(v2.RandomApply([rotation], a.rotate))
        self.joint = v2.Compose(joint)
        colour: list[Any] = []
        if a.brightness or a.contrast or a.saturation or a.hue:
            colour.append(v2.ColorJitter(a.brightness, a.contrast, a.saturation, a.hue))
        if a.blur:
            colour.append(v2.RandomApply([v2.GaussianBlur(7, sigma=(0.3, 1.5))], a.blur))
        if a.noise:
            colour.append(v2.RandomApply([_Noise()], a.noise))
        if a.jpeg:
            colour.append(v2.RandomApply([v2.JPEG((30, 90))], a.jpeg))
        self.colour = v2.Compose(colour) if colour else None

    def __call__(self, sample: Sample, seed: int) -> tuple[Tensor, Tensor]:
        # A generator state of its own for each picture: the result depends on the seed alone, not on which worker
        # process came before, so a resumed run sees the same crops.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if self.paster is not None:
                sample = self.paster(sample)
            image = torch.from_numpy(np.ascontiguousarray(sample.image.transpose(2, 0, 1)))
            image, label = self.scale_crop(image, torch.from_numpy(sample.label))
            image, label = self.joint(tv_tensors.Image(image), tv_tensors.Mask(label[None]))
            if self.colour is not None:
                image = self.colour(image)
        return image.as_subclass(Tensor).contiguous(), label.as_subclass(Tensor)[0]


class _Noise(torch.nn.Module):
    """Gaussian noise on uint8 with sigma drawn up to 10/255; torchvision's own takes floats alone."""

    def forward(self, image: Tensor) -> Tensor:
        sigma = uniform(0, 10)
        noisy = image.as_subclass(Tensor).float() + torch.randn(image.shape) * sigma
        return tv_tensors.Image(noisy.round().clamp(0, 255).to(torch.uint8))
