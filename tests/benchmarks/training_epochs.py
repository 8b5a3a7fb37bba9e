"""Epochs from files to a score, as `training.py` times them: pictures read and cropped, trained on, and validated.

Every way trains the photos of `train` once an epoch, scores all of `val` at full size, and keeps its weights. The
first epoch, which starts workers and caches, does not count; an epoch lasts from the end of the one before.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from back.runtime.card import HISTORY_FILE
from back.runtime.taxonomy import IGNORE
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.models.base import SegmentationModel
from modelisation.recipe import Recipe
from modelisation.training.fit import fit
from tests.benchmarks.evaluation_ways import histogram_areas, iou_of_areas
from tests.benchmarks.plain_recipes import Crops, begin
from tests.benchmarks.training_ways import (
    OURS,
    ForTrainer,
    UsualNet,
    adam,
    criterion_of,
    lightning_module,
    lightning_trainer,
    train_epoch,
    trainer_arguments,
)


@dataclass(frozen=True)
class Epochs:
    """What one way did.

    Attributes:
        seconds: of each epoch after the first, with loading, validation and keeping.
        wait: share of the time of training (validation left out) that was waited for pictures; None where the way
            does not say.
        miou: of the last validation, 0..1.
    """

    seconds: list[float]
    wait: float | None
    miou: float


Way = Callable[[Recipe, Path, Path], Epochs]


def ours(recipe: Recipe, data: Path, scratch: Path) -> Epochs:
    """`fit`, as `train` runs it: with its augmentation, averaged weights, MLflow and a checkpoint an epoch."""
    ends, scores = [], []

    def epoch_done(_: int, evaluated: Mapping[str, Any]) -> None:
        ends.append(perf_counter())
        scores.append(evaluated["miou"])

    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{scratch / 'mlflow.db'}"
    fit(recipe, data, scratch / "run", on_epoch=epoch_done)
    history = json.loads((scratch / "run" / HISTORY_FILE).read_text(encoding="utf-8"))["metrics"]
    seconds, shares = ([entry[1] for entry in history[name]][1:] for name in ("epoch_seconds", "data_wait_share"))
    return Epochs(_between(ends), float(np.average(shares, weights=seconds)), scores[-1])


class WholePhotos(Dataset[tuple[Tensor, Tensor]]):
    """Photos at full size, normalised and padded to the network's stride, with labels padded by what is ignored."""

    def __init__(self, data: SegmentationDataset, model: SegmentationModel) -> None:
        self._data, self._model = data, model

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        sample = self._data[index]
        mean, std = (torch.tensor(part).view(3, 1, 1) for part in (self._model.mean, self._model.std))
        image_3HW = (torch.from_numpy(np.array(sample.image)).permute(2, 0, 1).float() / 255 - mean) / std
        image_3HW = self._model.padded(image_3HW)
        label_HW = torch.from_numpy(np.array(sample.label)).long()
        below, right = (a - b for a, b in zip(image_3HW.shape[-2:], label_HW.shape, strict=True))
        return image_3HW, F.pad(label_HW, (0, right, 0, below), value=IGNORE)


class _Setting:
    """What the libraries' ways share: network, pictures, and how they are scored."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        train, val = (open_dataset(data, split, recipe.taxonomy) for split in (recipe.train_split, recipe.val_split))
        self.recipe = recipe
        self.model = begin(recipe, train)
        self.net = UsualNet(self.model)
        self.criterion = criterion_of(recipe)
        self.train = Crops(train, recipe.augmentation.crop, self.model)
        self.val = WholePhotos(val, self.model)
        self.classes = len(train.taxonomy.classes)
        self.bf16 = recipe.precision == "bf16"

    def loader(self, pictures: Dataset[Any], shuffle: bool) -> DataLoader[Any]:
        workers = self.recipe.workers
        return DataLoader(
            pictures, self.recipe.batch_size, shuffle=shuffle, drop_last=shuffle, num_workers=workers,
            persistent_workers=workers > 0,
        )  # fmt: skip

    def areas(self, labels_NHW: Tensor, truth_NHW: Tensor) -> np.ndarray:
        return histogram_areas(labels_NHW.numpy().astype(np.uint8), truth_NHW.numpy().astype(np.uint8), self.classes)


def plain_loop(recipe: Recipe, data: Path, scratch: Path) -> Epochs:
    """A loop as segmentation-models-pytorch's examples have it, in bf16 and channels_last."""
    setting = _Setting(recipe, data)
    net, memory = setting.net.to(memory_format=torch.channels_last), torch.channels_last  # type: ignore[call-overload]
    optimiser = adam(net, recipe)
    train, val = setting.loader(setting.train, True), setting.loader(setting.val, False)
    ends, miou = [], 0.0
    for _ in range(recipe.epochs):
        train_epoch(net, train, setting.criterion, optimiser, recipe.clip_norm, bf16=setting.bf16, memory=memory)
        net.eval()
        areas = np.zeros((3, setting.classes))
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=setting.bf16):
            for image_N3HW, label_NHW in val:
                scores = net(image_N3HW.contiguous(memory_format=memory))
                areas += setting.areas(scores.argmax(1), label_NHW)
        miou = float(np.nanmean(iou_of_areas(areas)))
        torch.save(net.state_dict(), scratch / "weights.pth")
        ends.append(perf_counter())
    return Epochs(_between(ends), None, miou)


def hf_trainer(recipe: Recipe, data: Path, scratch: Path) -> Epochs:
    """transformers' Trainer, which scores and saves after each epoch as the library's example does."""
    from transformers import Trainer, TrainerCallback

    setting = _Setting(recipe, data)
    net = ForTrainer(setting.net)
    optimiser, ends, scores = adam(net, recipe), [], []

    class Named(Dataset[dict[str, Tensor]]):
        def __init__(self, pictures: Dataset[Any]) -> None:
            self._pictures = pictures

        def __len__(self) -> int:
            return len(self._pictures)  # type: ignore[arg-type]

        def __getitem__(self, index: int) -> dict[str, Tensor]:
            image_3HW, label_HW = self._pictures[index]
            return {"pixel_values": image_3HW, "labels": label_HW}

    class Ends(TrainerCallback):
        def on_save(self, *_: Any, **__: Any) -> None:  # the last thing of an epoch
            ends.append(perf_counter())

    def score(prediction: Any) -> dict[str, float]:
        areas = histogram_areas(
            prediction.predictions.astype(np.uint8), prediction.label_ids.astype(np.uint8), setting.classes
        )
        scores.append(float(np.nanmean(iou_of_areas(areas))))
        return {"miou": scores[-1]}

    Trainer(
        net,
        trainer_arguments(
            scratch, recipe, num_train_epochs=recipe.epochs, eval_strategy="epoch", save_strategy="epoch",
            dataloader_num_workers=recipe.workers, dataloader_persistent_workers=recipe.workers > 0,
        ),
        train_dataset=Named(setting.train),
        eval_dataset=Named(setting.val),  # type: ignore[arg-type]
        compute_loss_func=lambda out, label, num_items_in_batch=None: setting.criterion(out["logits"], label),
        compute_metrics=score,
        preprocess_logits_for_metrics=lambda scores_NCHW, _: scores_NCHW.argmax(1),
        optimizers=(optimiser, None),
        callbacks=[Ends()],
    ).train()  # fmt: skip
    return Epochs(_between(ends), None, scores[-1])


def lightning(recipe: Recipe, data: Path, scratch: Path) -> Epochs:
    """PyTorch Lightning, which keeps a checkpoint after each epoch unless told otherwise."""
    import pytorch_lightning

    setting = _Setting(recipe, data)
    ends, scores = [], []

    class Ends(pytorch_lightning.Callback):
        def on_train_epoch_end(self, *_: Any) -> None:  # after validation
            ends.append(perf_counter())

    def validation_step(batch: Any, batch_idx: int) -> None:
        image_N3HW, label_NHW = batch
        areas.append(setting.areas(module.net(image_N3HW).argmax(1), label_NHW))

    def on_validation_epoch_end() -> None:
        scores.append(float(np.nanmean(iou_of_areas(sum(areas, np.zeros((3, setting.classes)))))))
        areas.clear()

    areas: list[np.ndarray] = []
    module = lightning_module(setting.net, setting.criterion, recipe)
    module.validation_step, module.on_validation_epoch_end = validation_step, on_validation_epoch_end
    lightning_trainer(
        recipe, max_epochs=recipe.epochs, default_root_dir=scratch, callbacks=[Ends()], num_sanity_val_steps=0
    ).fit(module, setting.loader(setting.train, True), setting.loader(setting.val, False))
    return Epochs(_between(ends), None, scores[-1])


def _between(ends: list[float]) -> list[float]:
    return [round(end - begin, 4) for begin, end in pairwise(ends)]


WAYS: dict[str, Way] = {
    OURS: ours,
    "plain loop, bf16, channels_last": plain_loop,
    "transformers Trainer, bf16": hf_trainer,
    "Lightning, bf16": lightning,
}
