"""The training loss: cross-entropy, with Dice and Lovász parts from segmentation-models-pytorch on top."""

import math

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

    A batch without a labelled pixel has loss 0 and gradient 0, where a mean over nothing would be NaN.

    Dice: Milletari et al., 3DV 2016. Lovász-softmax: Berman et al., CVPR 2018.
    """
    dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=ignore_index, smooth=1.0)
    lovasz = smp.losses.LovaszLoss("multiclass", ignore_index=ignore_index)

    def criterion(scores_NCHW: Tensor, label_NHW: Tensor) -> Tensor:
        if not (label_NHW != ignore_index).any():
            return 0 * scores_NCHW.sum()
        total = weights.cross_entropy * _cross_entropy(scores_NCHW, label_NHW, weights, ignore_index)
        if weights.dice:
            total = total + weights.dice * dice(scores_NCHW, label_NHW)
        if weights.lovasz:
            sparse = (..., slice(None, None, _LOVASZ_STEP), slice(None, None, _LOVASZ_STEP))
            if (label_NHW[sparse] != ignore_index).any():
                total = total + weights.lovasz * lovasz(scores_NCHW[sparse], label_NHW[sparse])
        return total

    return criterion


def _cross_entropy(scores_NCHW: Tensor, label_NHW: Tensor, weights: Loss, ignore_index: int) -> Tensor:
    """Mean over the labelled pixels, or over the share `ohem` of them that has the largest loss in the batch.

    Online hard example mining: Shrivastava et al., CVPR 2016, arXiv:1604.03540.
    """
    reduction = "mean" if weights.ohem == 1 else "none"
    losses = F.cross_entropy(
        scores_NCHW,
        label_NHW,
        ignore_index=ignore_index,
        label_smoothing=weights.label_smoothing,
        reduction=reduction,
    )
    if weights.ohem == 1:
        return losses
    labelled = losses[label_NHW != ignore_index]
    return labelled.topk(math.ceil(weights.ohem * len(labelled)), sorted=False).values.mean()
