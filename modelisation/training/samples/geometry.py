"""Where a crop lies in its picture and how it is bent: scale, place, mirror, roll, lens, pitch and height of a
camera."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as nnF
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from modelisation.recipe import Augmentation
from modelisation.training.samples.draw import integer, uniform

# Largest values that are drawn. A roll of 7 degrees is a phone held askew; a lens of 0.12 moves a corner by an
# eighth of its distance from the centre; a pitch of 0.2 makes what is near the lower edge a fifth larger; a height
# of 0.15 stretches the rows by a seventh.
_ROLL_DEGREES, _LENS, _PITCH, _HEIGHT = 7.0, 0.12, 0.2, 0.15
# Pixels of a crop for each soft target, in both directions. Soft targets vary slowly: every second pixel gives the
# same gradient on average at a quarter of the cost.
SOFT_STEP = 2


@dataclass(frozen=True)
class Crop:
    """A crop: image uint8 [3, h, w], label uint8 [h, w], soft targets uint8 [C, h / 2, w / 2], 255 for certainty."""

    image: Tensor
    label: Tensor
    soft: Tensor


class Geometry:
    """Resize by a random factor and crop, in one resampling of the part that is kept; then mirror and bend it.

    The factor counts from the size at which the picture is served. A picture of 2048 x 1024 pixels that is served at
    588 x 294 is therefore trained around that size, however many pixels its file has.

    With probability `rare_class` the crop is placed on a pixel of a class drawn uniformly from those in the picture,
    so that small classes are seen as often as large ones. Where the resized picture is smaller than the crop, the
    rest is filled with `fill` and ignored.
    """

    def __init__(self, augmentation: Augmentation, fill: tuple[int, int, int], ignore_index: int) -> None:
        self.augmentation = augmentation
        self.fill = list(fill)
        self.ignore_index = ignore_index

    def __call__(self, image_CHW: Tensor, label_HW: Tensor, soft_Chw: Tensor, served_scale: float) -> Crop:
        """Crop a picture.

        Args:
            image_CHW: uint8 RGB.
            label_HW: uint8 of the picture's size.
            soft_Chw: uint8 probabilities over the whole picture, on a grid of any size; [0, 0, 0] where there are
                none.
            served_scale: the served picture's side over the picture's own.
        """
        a = self.augmentation
        height, width = label_HW.shape[-2:]
        factor = served_scale * math.exp(uniform(math.log(a.scale[0]), math.log(a.scale[1])))
        box_height = max(1, min(height, round(a.crop[0] / factor)))
        box_width = max(1, min(width, round(a.crop[1] / factor)))
        top, left = self._place(label_HW, height - box_height, width - box_width, box_height, box_width)
        box = (top, left, box_height, box_width)
        size = [max(1, min(side, round(part * factor))) for side, part in zip(a.crop, box[2:], strict=True)]
        image = F.resized_crop(image_CHW, *box, size, antialias=True)
        label = F.resized_crop(label_HW[None], *box, size, interpolation=InterpolationMode.NEAREST_EXACT)
        soft = _soft_crop(soft_Chw, box, (height, width), (size[0], size[1]), a.crop)
        pad = [0, 0, a.crop[1] - size[1], a.crop[0] - size[0]]
        if any(pad):
            image = F.pad(image, pad, fill=self.fill)
            label = F.pad(label, pad, fill=[self.ignore_index])
        if uniform(0, 1) < a.flip:
            image, label, soft = image.flip(-1), label.flip(-1), soft.flip(-1)
        bend = self._draw_bend()
        if bend is not None:
            image, label, soft = self._bend(image, label, soft, bend)
        return Crop(image, label[0], soft)

    def _place(self, label_HW: Tensor, free_y: int, free_x: int, box_h: int, box_w: int) -> tuple[int, int]:
        if uniform(0, 1) < self.augmentation.rare_class:
            counts = torch.bincount(label_HW.flatten().long(), minlength=256)
            present = counts[: self.ignore_index].nonzero().flatten()
            if len(present):
                chosen = present[integer(len(present))]
                pixels = (label_HW == chosen).flatten().nonzero().flatten()
                y, x = divmod(int(pixels[integer(len(pixels))]), label_HW.shape[-1])
                # The pixel may lie anywhere in the crop, so that it is not always seen at the centre.
                top, left = y - integer(box_h), x - integer(box_w)
                return min(max(top, 0), free_y), min(max(left, 0), free_x)
        return integer(free_y + 1), integer(free_x + 1)

    def _draw_bend(self) -> tuple[float, float, float, float] | None:
        """Roll in radians, lens, pitch and height of this crop; None where nothing bends it."""
        a = self.augmentation
        parts = ((a.rotate, math.radians(_ROLL_DEGREES)), (a.lens, _LENS), (a.pitch, _PITCH), (a.height, _HEIGHT))
        roll, lens, pitch, height = (
            uniform(-most, most) if probability and uniform(0, 1) < probability else 0.0
            for probability, most in parts
        )
        return (roll, lens, pitch, height) if roll or lens or pitch or height else None

    def _bend(
        self, image: Tensor, label: Tensor, soft: Tensor, bend: tuple[float, float, float, float]
    ) -> tuple[Tensor, Tensor, Tensor]:
        height, width = label.shape[-2:]
        grid_1HW2 = _bent_grid(height, width, bend)
        outside = (grid_1HW2.abs() > 1).any(-1)[0]
        bent = nnF.grid_sample(image[None].float(), grid_1HW2, padding_mode="border", align_corners=False)[0]
        bent = bent.round().clamp(0, 255).to(torch.uint8)
        bent[:, outside] = torch.tensor(self.fill, dtype=torch.uint8)[:, None]
        moved = nnF.grid_sample(label[None].float(), grid_1HW2, mode="nearest", align_corners=False)[0]
        moved = moved.to(torch.uint8)
        moved[:, outside] = self.ignore_index
        if soft.numel():
            grid_1hw2 = _bent_grid(soft.shape[-2], soft.shape[-1], bend)
            soft = nnF.grid_sample(soft[None].float(), grid_1hw2, align_corners=False)[0].round().to(torch.uint8)
        return bent, moved, soft


def _soft_crop(
    soft_Chw: Tensor,
    box: tuple[int, int, int, int],
    of: tuple[int, int],
    size: tuple[int, int],
    crop: tuple[int, int],
) -> Tensor:
    """The soft targets of a box of the picture, one for every second pixel of the crop; 0 outside the picture."""
    high, wide = crop[0] // SOFT_STEP, crop[1] // SOFT_STEP
    if not soft_Chw.numel():
        return soft_Chw.new_zeros((soft_Chw.shape[0], high, wide))
    top, left, box_height, box_width = box
    # Centres of every second pixel of the crop, as places in the picture in -1..1.
    y = ((torch.arange(high) * SOFT_STEP + SOFT_STEP / 2) / size[0] * box_height + top) / of[0] * 2 - 1
    x = ((torch.arange(wide) * SOFT_STEP + SOFT_STEP / 2) / size[1] * box_width + left) / of[1] * 2 - 1
    grid_hw2 = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)
    sampled = nnF.grid_sample(soft_Chw[None].float(), grid_hw2[None], padding_mode="border", align_corners=False)[0]
    sampled[:, (grid_hw2.abs() > 1).any(-1)] = 0
    return sampled.round().to(torch.uint8)


def _bent_grid(height: int, width: int, bend: tuple[float, float, float, float]) -> Tensor:
    """Where each pixel of the bent crop comes from, float32 [1, H, W, 2] in -1..1 for `grid_sample`.

    Roll turns about the centre. A lens moves points along the radius, r (1 + k r^2), Brown's first term
    (Photogrammetric Engineering, 1971). Pitch is the projective map of a camera that looks up or down: 1 / (1 + p
    y). Height stretches rows.
    """
    roll, lens, pitch, stretch = bend
    aspect = width / height
    y = ((torch.arange(height) + 0.5) / height * 2 - 1)[:, None]
    x = ((torch.arange(width) + 0.5) / width * 2 - 1)[None] * aspect
    y, x = y * math.cos(roll) - x * math.sin(roll), y * math.sin(roll) + x * math.cos(roll)
    depth = 1 + pitch * y
    y, x = y / depth * math.exp(stretch), x / depth
    radial = (1 + lens * (y * y + x * x) / (1 + aspect * aspect)) / (1 + max(lens, 0.0))
    return torch.stack(((x * radial / aspect), y * radial), -1)[None]
