"""Training augmentation of one picture: objects pasted in, a crop of it, other colours; reproducible by a seed."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize
from modelisation.data.base import Sample
from modelisation.recipe import Augmentation
from modelisation.training.samples.boards import BoardPaster
from modelisation.training.samples.colour import make_colour_changes
from modelisation.training.samples.copy_paste import Paster
from modelisation.training.samples.geometry import Geometry
from modelisation.training.samples.soft import soft_targets


class Views(NamedTuple):
    """What a network learns from one crop, or in a batch from N of them.

    Attributes:
        image: uint8 [3, h, w], in changed colours.
        plain: the same pixels in their own colours.
        label: uint8 [h, w], the ignore index where unlabelled.
        soft: a teacher's probabilities, uint8 [C, h / 2, w / 2] with 255 for certainty and 0 where it says nothing;
            C is 0 in a run without a teacher of this kind.
    """

    image: Tensor
    plain: Tensor
    label: Tensor
    soft: Tensor


class TrainingTransform:
    """Sample -> `Views` of the crop's size; reproducible by `seed`.

    Args:
        augmentation: what is done, and how often.
        mean: of the network's input, 0..1; the colour of what lies outside a picture.
        ignore_index: the label there.
        paster: pastes objects into the picture before the crop; it is what `augmentation.copy_paste` describes.
        contract: how pictures are served: `augmentation.scale` counts from that size; None counts from the file's.
        soft_classes: C of the soft targets; 0 for none.
        boards: pastes boards into the picture before anything else; it is what `augmentation.boards` describes.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        mean: tuple[float, float, float],
        ignore_index: int,
        paster: Paster | None = None,
        *,
        contract: InputContract | None = None,
        soft_classes: int = 0,
        boards: BoardPaster | None = None,
    ) -> None:
        self.boards = boards
        self.paster = paster
        self.contract = contract
        self.soft_classes = soft_classes
        fill = (round(255 * mean[0]), round(255 * mean[1]), round(255 * mean[2]))
        self.geometry = Geometry(augmentation, fill, ignore_index)
        self.colour = make_colour_changes(augmentation)

    def __call__(self, sample: Sample, seed: int) -> Views:
        if self.boards is not None:
            # From a generator of their own, so that the other changes draw the same with boards as without.
            sample = self.boards(sample, np.random.default_rng(seed))
        # A generator state of its own for each picture: the result depends on the seed alone, not on which worker
        # process came before, so a resumed run sees the same crops.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # What is pasted in has no soft target, so a picture with such targets stays as it is.
            soft = soft_targets(sample, self.soft_classes)
            if self.paster is not None and not soft.numel():
                sample = self.paster(sample)
            image = torch.from_numpy(np.ascontiguousarray(sample.image.transpose(2, 0, 1)))
            label = torch.from_numpy(sample.label)
            crop = self.geometry(image, label, soft, self._served_scale(*sample.label.shape))
            changed = crop.image
            if self.colour is not None:
                changed = self.colour(tv_tensors.Image(changed)).as_subclass(Tensor)
        return Views(changed.contiguous(), crop.image.contiguous(), crop.label.contiguous(), crop.soft.contiguous())

    def _served_scale(self, height: int, width: int) -> float:
        if self.contract is None:
            return 1.0
        plan = plan_resize(height, width, self.contract, None)
        return math.sqrt(plan.height * plan.width / (height * width))
