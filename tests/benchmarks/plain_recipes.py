"""Training as the libraries' examples have it, an epoch at a time: what a user has who follows them.

- smp: `camvid_segmentation_multiclass.ipynb`: Dice loss, Adam at 2e-4, a cosine down to 1e-5, float32.
- transformers: `run_semantic_segmentation.py` as its README calls it: cross-entropy, AdamW at 6e-5, a straight line
  down to 0, float32.

Pictures are read from their files again and again, resized, cropped and flipped, as both do. The batch and the crop
are the recipe's, so that a step of every way sees as many pixels.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import segmentation_models_pytorch as smp
import torch
from accelerate.utils import set_seed
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision import tv_tensors
from torchvision.transforms import v2

from back.runtime.taxonomy import IGNORE
from modelisation.data.base import SegmentationDataset
from modelisation.models import build_model
from modelisation.models.base import SegmentationModel
from modelisation.recipe import Recipe
from modelisation.training.setup import input_contract
from modelisation.training.validate import validate

_Schedule = Callable[[torch.optim.Optimizer, int], LRScheduler]


@dataclass(frozen=True)
class Plain:
    """A library's example: how it learns.

    Attributes:
        criterion: loss of scores float32 [N, C, H, W] and labels int64 [N, H, W].
        optimiser: of the network's parameters.
        schedule: of an optimiser and the number of steps.
    """

    criterion: Callable[[Tensor, Tensor], Tensor]
    optimiser: Callable[[Iterator[torch.nn.Parameter]], torch.optim.Optimizer]
    schedule: _Schedule


def _straight(optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
    return LambdaLR(optimiser, lambda step: max(0.0, 1 - step / steps))


PLAIN = {
    "smp's example": Plain(
        smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=IGNORE),
        lambda parameters: torch.optim.Adam(parameters, lr=2e-4),
        lambda optimiser, steps: CosineAnnealingLR(optimiser, T_max=steps, eta_min=1e-5),
    ),
    "transformers' example": Plain(
        torch.nn.CrossEntropyLoss(ignore_index=IGNORE),
        lambda parameters: torch.optim.AdamW(parameters, lr=6e-5),
        _straight,
    ),
}


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Normalised float32 [3, h, w] crops and their labels int64 [h, w], read from the files every time."""

    def __init__(self, data: SegmentationDataset, crop: tuple[int, int], model: SegmentationModel) -> None:
        self._data = data
        self._crop = v2.Compose(
            [
                v2.ScaleJitter(target_size=crop, scale_range=(1.0, 2.0)),
                v2.RandomCrop(crop, pad_if_needed=True, fill={tv_tensors.Image: 0, tv_tensors.Mask: IGNORE}),
                v2.RandomHorizontalFlip(),
            ]
        )
        self._normalise = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(model.mean, model.std)])

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        sample = self._data[index]
        image_3HW = torch.from_numpy(np.array(sample.image)).permute(2, 0, 1)
        image, label = self._crop(
            tv_tensors.Image(image_3HW), tv_tensors.Mask(torch.from_numpy(np.array(sample.label)))
        )
        return self._normalise(image.as_subclass(Tensor)), label.as_subclass(Tensor).long()


def begin(recipe: Recipe, data: SegmentationDataset) -> SegmentationModel:
    """The network with the very weights that `fit` begins with, without what the recipe's training makes faster."""
    set_seed(recipe.seed)
    return build_model(recipe.architecture, len(data.taxonomy.classes), **recipe.build)


def learn(
    plain: Plain, recipe: Recipe, train_set: SegmentationDataset, val_set: SegmentationDataset
) -> Iterator[tuple[float, float]]:
    """After each epoch of the recipe's pictures: the seconds that it trained, and mIoU (0..1) on `val_set`.

    Draws from torch's own random numbers, which it seeds when it begins.
    """
    model = begin(recipe, train_set)
    contract = input_contract(model, recipe)
    pictures = recipe.epoch_samples or len(train_set)
    crops = Crops(train_set, recipe.augmentation.crop, model)
    sampler = RandomSampler(crops, replacement=pictures > len(crops), num_samples=pictures)
    loader = DataLoader(crops, recipe.batch_size, sampler=sampler, drop_last=True, num_workers=recipe.workers)
    optimiser = plain.optimiser(model.parameters())
    schedule = plain.schedule(optimiser, recipe.epochs * len(loader))
    for _ in range(recipe.epochs):
        model.train()
        start = time.perf_counter()
        for image_N3HW, label_NHW in loader:
            loss = model.loss(image_N3HW, label_NHW, plain.criterion)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        seconds = time.perf_counter() - start
        scores = validate(model, [val_set[i] for i in range(len(val_set))], contract, val_set.taxonomy)
        yield seconds, scores["miou"]
