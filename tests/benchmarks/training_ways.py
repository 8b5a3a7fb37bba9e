"""The ways to train one network that `training.py` compares: ours, and those of the usual libraries.

All begin with the same weights, see the same batches, and minimise the recipe's own loss by AdamW with clipped
gradients; the libraries run the network as they build it, on ready pictures. Each is written as its documentation
has it: a loop as segmentation-models-pytorch's examples have it, transformers' Trainer, and PyTorch Lightning.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader

from back.runtime.taxonomy import IGNORE
from modelisation.data.base import SegmentationDataset
from modelisation.models.base import Criterion, SegmentationModel
from modelisation.models.predict import normalise
from modelisation.recipe import Recipe
from modelisation.training.ema import WeightAverage
from modelisation.training.kept_memory import kept_memory
from modelisation.training.loss import make_criterion
from modelisation.training.samples.augment import Views
from modelisation.training.setup import build_from_recipe, input_contract, learning_rate_factor
from tests.benchmarks.plain_recipes import begin

OURS = "StreetSeg"
Way = Callable[[Sequence[Views]], None]
Sample = tuple[Tensor, Tensor]


class Noting:
    """A criterion that keeps each loss which it gave."""

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        self.losses: list[float] = []

    def __call__(self, scores_NCHW: Tensor, label_NHW: Tensor) -> Tensor:
        loss = self.criterion(scores_NCHW, label_NHW)
        self.losses.append(loss.item())
        return loss


@contextmanager
def ends_of_steps() -> Iterator[list[tuple[float, float]]]:
    """Wall and processor seconds at the end of each step of any optimiser, whatever loop calls it."""
    marks: list[tuple[float, float]] = []
    hook = register_optimizer_step_post_hook(lambda *_: marks.append((perf_counter(), process_time())))
    try:
        yield marks
    finally:
        hook.remove()


class UsualNet(nn.Module):
    """The library's own network; scores [N, C, H, W] at the picture's size."""

    def __init__(self, model: SegmentationModel) -> None:
        super().__init__()
        self.net: nn.Module = model.net  # type: ignore[assignment]

    def forward(self, pixel_values: Tensor) -> Tensor:
        scores = self.net(pixel_values)
        scores = getattr(scores, "logits", scores)  # transformers' networks answer with an object
        return F.interpolate(scores.float(), size=pixel_values.shape[-2:], mode="bilinear", align_corners=False)


class Ours:
    """What `fit` does in a step, from the batch of uint8 to the averaged weights; a test holds the two together.

    Args:
        recipe: of the training.
        data: whose classes are learnt.
        criterion: the recipe's loss.
        steps: of the whole run, for the learning rate.
    """

    def __init__(self, recipe: Recipe, data: SegmentationDataset, criterion: Criterion, steps: int = 1 << 30) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.criterion = recipe, criterion
        self.model = build_from_recipe(recipe, data.taxonomy)
        self.contract = input_contract(self.model, recipe)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = WeightAverage(self.model, recipe.ema_decay)
        self.accelerator = Accelerator(mixed_precision=recipe.precision)
        groups = self.model.parameter_groups(
            recipe.lr, recipe.encoder_lr_factor, recipe.weight_decay, recipe.layer_decay
        )
        optimiser = torch.optim.AdamW(groups, fused=True)
        schedule = LambdaLR(optimiser, learning_rate_factor(recipe, steps))
        self.net, self.optimiser, self.schedule = self.accelerator.prepare(self.model, optimiser, schedule)

    def __call__(self, pictures: Sequence[Views]) -> None:
        self.model.train()
        with kept_memory():  # malloc is as the other ways have it when their turn comes
            for views in DataLoader(pictures, self.recipe.batch_size):  # type: ignore[arg-type]
                self._step(views)

    def _step(self, views: Views) -> None:
        image = normalise(views.image.permute(0, 2, 3, 1), self.contract)
        image = image.contiguous(memory_format=torch.channels_last)
        with self.accelerator.autocast():
            loss = self.net.loss(image, views.label.long(), self.criterion)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update()


def prepared(pictures: Sequence[Views], model: SegmentationModel, recipe: Recipe) -> list[Sample]:
    """Normalised float32 [3, H, W] and labels int64 [H, W], as the libraries' loops want their pictures."""
    contract = input_contract(model, recipe)
    return [(normalise(v.image.permute(1, 2, 0)[None], contract)[0].contiguous(), v.label.long()) for v in pictures]


def plain_loop(bf16: bool, channels_last: bool) -> Callable[[Recipe, SegmentationDataset, Criterion], Way]:
    """A loop over batches as segmentation-models-pytorch's examples have it; in bf16 only where the recipe is."""

    def make(recipe: Recipe, data: SegmentationDataset, criterion: Criterion) -> Way:
        model = begin(recipe, data)
        net = UsualNet(model)
        memory = torch.channels_last if channels_last else torch.contiguous_format
        net.to(memory_format=memory)  # type: ignore[call-overload]
        optimiser, bf16_too = adam(net, recipe), bf16 and recipe.precision == "bf16"

        def way(pictures: Sequence[Views]) -> None:
            loader = DataLoader(prepared(pictures, model, recipe), recipe.batch_size)  # type: ignore[arg-type]
            train_epoch(net, loader, criterion, optimiser, recipe.clip_norm, bf16=bf16_too, memory=memory)

        return way

    return make


def train_epoch(
    net: nn.Module, loader: Any, criterion: Criterion, optimiser: torch.optim.Optimizer, clip_norm: float,
    *, bf16: bool, memory: torch.memory_format,
) -> None:  # fmt: skip
    """Each batch of a loader once."""
    net.train()
    for image_N3HW, label_NHW in loader:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = criterion(net(image_N3HW.contiguous(memory_format=memory)), label_NHW)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), clip_norm)
        optimiser.step()


class ForTrainer(nn.Module):
    """A network that answers as transformers' Trainer wants it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:
        return {"logits": self.net(pixel_values)}


def hf_trainer(folder: Path) -> Callable[[Recipe, SegmentationDataset, Criterion], Way]:
    """transformers' Trainer, in bf16; `folder` is for what it writes."""

    def make(recipe: Recipe, data: SegmentationDataset, criterion: Criterion) -> Way:
        from transformers import Trainer

        model = begin(recipe, data)
        net = ForTrainer(UsualNet(model))
        optimiser = adam(net, recipe)

        def way(pictures: Sequence[Views]) -> None:
            samples = [{"pixel_values": image, "labels": label} for image, label in prepared(pictures, model, recipe)]
            arguments = trainer_arguments(folder, recipe, save_strategy="no", train_sampling_strategy="sequential")
            Trainer(
                net,
                arguments,
                train_dataset=samples,  # type: ignore[arg-type]
                compute_loss_func=lambda out, label, num_items_in_batch=None: criterion(out["logits"], label),
                optimizers=(optimiser, None),
            ).train()

        return way

    return make


def trainer_arguments(folder: Path, recipe: Recipe, **changes: Any) -> Any:
    """Of one epoch on this processor, unless `changes` say otherwise."""
    from transformers import TrainingArguments

    fields: dict[str, Any] = {
        "output_dir": str(folder), "num_train_epochs": 1, "per_device_train_batch_size": recipe.batch_size,
        "per_device_eval_batch_size": recipe.batch_size, "learning_rate": recipe.lr,
        "lr_scheduler_type": "constant", "weight_decay": recipe.weight_decay, "max_grad_norm": recipe.clip_norm,
        "bf16": recipe.precision == "bf16", "use_cpu": True, "report_to": "none", "disable_tqdm": True,
        "logging_strategy": "no", "dataloader_drop_last": True, "dataloader_pin_memory": False,
        "remove_unused_columns": False, "label_names": ["labels"], "seed": recipe.seed,
    }  # fmt: skip
    return TrainingArguments(**(fields | changes))


def lightning(recipe: Recipe, data: SegmentationDataset, criterion: Criterion) -> Way:
    """PyTorch Lightning, in bf16."""
    model = begin(recipe, data)
    module = lightning_module(UsualNet(model), criterion, recipe)

    def way(pictures: Sequence[Views]) -> None:
        loader = DataLoader(prepared(pictures, model, recipe), recipe.batch_size)  # type: ignore[arg-type]
        lightning_trainer(recipe, enable_checkpointing=False).fit(module, loader)

    return way


def lightning_trainer(recipe: Recipe, **changes: Any) -> Any:
    """Lightning's Trainer for one epoch on this processor, without what it would write to the screen."""
    import pytorch_lightning

    fields: dict[str, Any] = {
        "accelerator": "cpu", "max_epochs": 1, "precision": "bf16-mixed" if recipe.precision == "bf16" else "32-true",
        "gradient_clip_val": recipe.clip_norm, "logger": False, "enable_progress_bar": False,
        "enable_model_summary": False,
    }  # fmt: skip
    return pytorch_lightning.Trainer(**(fields | changes))


def lightning_module(net: nn.Module, criterion: Criterion, recipe: Recipe) -> Any:
    """The network with its loss and its optimiser, which live as long as it does."""
    import pytorch_lightning

    class Module(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net
            self.optimiser = adam(net, recipe, fused=False)  # fused, Lightning clips nothing in bf16

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            image_N3HW, label_NHW = batch
            return criterion(self.net(image_N3HW), label_NHW)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return self.optimiser

    return Module()


def adam(net: nn.Module, recipe: Recipe, *, fused: bool = True) -> torch.optim.Optimizer:
    """The optimiser of the libraries' ways, in its fastest form unless said otherwise."""
    return torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, fused=fused)


def all_ways(folder: Path) -> dict[str, Callable[[Recipe, SegmentationDataset, Criterion], Way]]:
    """Name -> what builds the way. Libraries that are not installed are found out then."""
    return {
        OURS: Ours,
        "plain loop, fp32": plain_loop(False, False),
        "plain loop, bf16": plain_loop(True, False),
        "plain loop, bf16, channels_last": plain_loop(True, True),
        "transformers Trainer, bf16": hf_trainer(folder),
        "Lightning, bf16": lightning,
    }


def criterion_of(recipe: Recipe) -> Criterion:
    """The recipe's loss made of torch's and segmentation-models-pytorch's: the same pixels, the same value."""
    weights = recipe.loss
    unknown = weights.model_dump(exclude={"cross_entropy", "lovasz"}, exclude_defaults=True)
    if unknown or not weights.lovasz:
        raise ValueError(f"no way beside ours has the loss {weights}")
    lovasz = smp.losses.LovaszLoss("multiclass", ignore_index=IGNORE)

    def criterion(scores_NCHW: Tensor, label_NHW: Tensor) -> Tensor:
        every_second = lovasz(scores_NCHW[..., ::2, ::2], label_NHW[..., ::2, ::2])
        one = F.cross_entropy(scores_NCHW, label_NHW, ignore_index=IGNORE)
        return weights.cross_entropy * one + weights.lovasz * every_second

    return criterion


def criterion_for(way: str, recipe: Recipe, data: SegmentationDataset) -> Criterion:
    """The recipe's loss as a way computes it: ours with our own kernels, the others with the libraries'."""
    return make_criterion(recipe.loss, data.taxonomy.ignore_index) if way == OURS else criterion_of(recipe)
