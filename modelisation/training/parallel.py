"""One run on several processes: they meet here, and here the network is wrapped so that its gradients are everyone's.

How many there are, on which machines, and whether DistributedDataParallel or FSDP wraps the network is decided by
torchrun's or accelerate's own options and variables; see docs/scale.md.
"""

import os
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
from accelerate import Accelerator, DataLoaderConfiguration, DistributedType
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
from torch import Tensor, nn

from back.runtime.errors import UserError
from modelisation.models import ARCHITECTURES
from modelisation.models.base import Criterion, SegmentationModel
from modelisation.processes import ranks
from modelisation.recipe import Recipe
from modelisation.training.kernels.batch_norm import synchronise_batch_norms
from modelisation.training.samples.augment import Views

# For the others, while one process decodes a data set's pictures or asks a teacher about them.
_PATIENCE = timedelta(hours=1)


def meet(recipe: Recipe) -> Accelerator:
    """Let the processes of a run find each other; a run of one process has nobody to wait for.

    Raises:
        UserError: a batch cannot be shared equally, or the recipe asks for what FSDP cannot do.
    """
    if "RANK" not in os.environ:
        accelerator = Accelerator(mixed_precision=recipe.precision)
    else:
        accelerator = Accelerator(
            mixed_precision=recipe.precision,
            cpu=not torch.accelerator.is_available(),  # else accelerate takes each for a run of its own
            dataloader_config=DataLoaderConfiguration(split_batches=True),
            kwargs_handlers=[
                InitProcessGroupKwargs(timeout=_PATIENCE),
                DistributedDataParallelKwargs(find_unused_parameters=_some_do_not_learn(recipe)),
            ],
        )
    parts = ranks.number() * accelerator.gradient_accumulation_steps
    if recipe.batch_size % parts:
        raise UserError(
            f"batch_size {recipe.batch_size} is the number of pictures that all processes learn from in a step; it "
            f"cannot be shared equally by {ranks.number()} process{'es' if ranks.number() > 1 else ''}"
            f"{_in_parts(accelerator)}: set batch_size to a multiple of {parts}"
        )
    if is_shared_out(accelerator):
        if not accelerator.is_fsdp2:
            raise UserError("FSDP's first version is not supported: set fsdp_version to 2 (FSDP_VERSION=2)")
        if recipe.freeze_batchnorm_after is not None:
            raise UserError("freeze_batchnorm_after does not go with FSDP; take it out, or train without FSDP")
        if recipe.compile:
            raise UserError("compile does not go with FSDP; take it out, or train without FSDP")
    return accelerator


def _some_do_not_learn(recipe: Recipe) -> bool:
    """Whether a parameter may get no gradient: of a norm that is fixed later on, or of a part that lies idle."""
    network = ARCHITECTURES.get(recipe.architecture)
    return recipe.freeze_batchnorm_after is not None or network is None or not network.all_learn


def is_shared_out(accelerator: Accelerator) -> bool:
    """Whether each process holds a part of every tensor of the network (FSDP)."""
    return bool(accelerator.distributed_type == DistributedType.FSDP)


def check_alike(**values: str) -> None:
    """Check that all processes were given the same.

    Args:
        values: what has to be the same, by the word for it.

    Raises:
        UserError: the machines differ in one, or two.
    """
    if different := [name for name in values if len({one[name] for one in ranks.everyones(values)}) > 1]:
        raise UserError(
            f"the processes of this run have another {' and '.join(different)} each; start them all with the same "
            "command, on the same data"
        )


class Learner(nn.Module):
    """A network whose forward is its loss: what wraps it looks at no other method."""

    def __init__(self, model: SegmentationModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, image_NCHW: Tensor, label_NHW: Tensor, criterion: Criterion) -> Tensor:
        return self.model.loss(image_NCHW, label_NHW, criterion)


def wrap(accelerator: Accelerator, model: SegmentationModel) -> nn.Module:
    """What `accelerator.prepare` is to be given for a network: itself in one process, with batch norms left alone."""
    if accelerator.distributed_type == DistributedType.NO:
        return model
    synchronise_batch_norms(model)
    # Gradients of 1x1 convolutions in channels_last are copied once, and torch says so.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    if is_shared_out(accelerator):
        model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload] # FSDP takes no other
    else:
        # A checkpoint has the tensors under their own names, so that any number of processes can go on from it.
        accelerator.register_save_state_pre_hook(lambda _, weights, __: _set(weights, model.state_dict()))
        accelerator.register_load_state_pre_hook(lambda models, _: _set(models, model))
    return Learner(model)


def _set(items: list[Any], item: Any) -> None:
    items[:] = [item]


def loss_of(net: nn.Module, image_NCHW: Tensor, label_NHW: Tensor, criterion: Criterion) -> Tensor:
    """The loss of a network as `accelerator.prepare` gave it back."""
    if isinstance(net, SegmentationModel):
        return net.loss(image_NCHW, label_NHW, criterion)
    loss: Tensor = net(image_NCHW, label_NHW, criterion)
    return loss


def agreed(loss: Tensor, stop: bool) -> tuple[float, bool]:
    """The loss of the whole batch, and whether any process was told to stop: the same in all of them."""
    if ranks.number() == 1:
        return loss.item(), stop
    value, stops = ranks.total(torch.stack([loss.detach(), torch.full_like(loss, stop)])).tolist()
    return value / ranks.number(), stops > 0


def parts_of(views: Views, number: int) -> Iterator[Views]:
    """A batch in so many equal parts."""
    return (Views(*part) for part in zip(*(tensor.chunk(number) for tensor in views), strict=True))


def _in_parts(accelerator: Accelerator) -> str:
    steps = accelerator.gradient_accumulation_steps
    return f" in {steps} parts each" if steps > 1 else ""
