"""The training loss: cross-entropy, with Dice and Lovász parts from segmentation-models-pytorch on top."""

import segmentation_models_pytorch as smp
import torch.nn.functional as F
from torch import Tensor

from modelisation.models.base import Criterion
from modelisation.recipe import Loss

# The Lovász part sorts every pixel once a class; every second one in both directions gives the same gradient on
# average at a quarter of the cost.
_LOVASZ_STEP = 2


def make_criterion(weights: Loss, ignore_index: int) -> Criterion:
    """Weighted sum of the parts of a recipe's loss, on scores float32 [N, C, H, W] and labels int64 [N, H, W].

    Dice: Milletari et al., 3DV 2016. Lovász-softmax: Berman et al., CVPR 2018.
    """
    dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=ignore_index, smooth=1.0)
    lovasz = smp.losses.LovaszLoss("multiclass", ignore_index=ignore_index)

    def criterion(scores_NCHW: Tensor, label_NHW: Tensor) -> Tensor:
        total = weights.cross_entropy * F.cross_entropy(
            scores_NCHW, label_NHW, ignore_index=ignore_index, label_smoothing=weights.label_smoothing
        )
        if weights.dice:
            total = total + weights.dice * dice(scores_NCHW, label_NHW)
        if weights.lovasz:
            s = _LOVASZ_STEP
            total = total + weights.lovasz * lovasz(scores_NCHW[..., ::s, ::s], label_NHW[..., ::s, ::s])
        return total

    return criterion
