"""Batch norms that take their statistics over the pictures of all processes, on CPUs too.

torch's `SyncBatchNorm` knows no CPU, and DistributedDataParallel refuses it there. On CPUs the forward is made of
ordinary operations around a sum over the processes, so that a run trains as one process with the whole batch would.
"""

import torch.nn.functional as F
from timm.layers.norm_act import BatchNormAct2d, convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from modelisation.processes import ranks


def synchronise_batch_norms(model: nn.Module) -> None:
    """Let every batch norm inside `model` take the statistics of all processes, in place.

    Parameters and statistics stay the same tensors under the same names. On GPUs the norms become torch's
    `SyncBatchNorm`, by timm's conversion: torch's would drop the activations that timm's networks have inside theirs.
    """
    if not next(model.parameters()).is_cpu:
        convert_sync_batchnorm(model)
        return
    for layer in model.modules():
        if isinstance(layer, _BatchNorm):
            # Swapping the class in place of the layer keeps every reference to it.
            layer.__class__ = _WithActivation if isinstance(layer, BatchNormAct2d) else _Plain


class _Plain(_BatchNorm):
    def forward(self, input: Tensor) -> Tensor:
        return _normalise(self, input) if self.training else _fixed(self, input)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes, as in the layer whose place this takes."""


class _WithActivation(BatchNormAct2d):
    def forward(self, input: Tensor) -> Tensor:
        normal = _normalise(self, input) if self.training else _fixed(self, input)
        activated: Tensor = self.act(self.drop(normal))
        return activated


def _fixed(norm: _BatchNorm, input: Tensor) -> Tensor:
    untracked = norm.running_mean is None
    return F.batch_norm(input, norm.running_mean, norm.running_var, norm.weight, norm.bias, untracked, 0.0, norm.eps)


def _normalise(norm: _BatchNorm, input: Tensor) -> Tensor:
    x = input.float()
    pixels, channels = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2))
    count = x.numel() // x.shape[1] * ranks.number()  # every process has as many pictures of the same size
    mean_C = ranks.summed(x.sum(pixels)) / count
    centred = x - mean_C.view(channels)
    variance_C = ranks.summed(centred.square().sum(pixels)) / count
    _remember(norm, mean_C.detach(), variance_C.detach() * (count / max(1, count - 1)))
    x = centred * (variance_C + norm.eps).rsqrt().view(channels)
    if norm.affine:
        x = x * norm.weight.view(channels) + norm.bias.view(channels)
    return x.to(input.dtype)


def _remember(norm: _BatchNorm, mean_C: Tensor, variance_C: Tensor) -> None:
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked.add_(1)
    share = 1 / norm.num_batches_tracked.item() if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean_C, share)
    norm.running_var.lerp_(variance_C, share)
