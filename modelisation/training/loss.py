"""The training loss: cross-entropy, with Dice (from segmentation-models-pytorch) and Lovász parts on top.

It is the loss of a whole batch, also where several processes hold a part of it each: means are over the pixels of
all, and what sorts pixels sorts those of all.
"""

import math
from functools import partial

import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from torch import Tensor

from modelisation.models.base import Criterion
from modelisation.processes import ranks
from modelisation.recipe import Loss
from modelisation.training.kernels.lovasz import lovasz_softmax

# The Lovász part sorts every pixel once a class; every second one in both directions gives the same gradient on
# average at a quarter of the cost.
_LOVASZ_STEP = 2
_SMOOTH = 1.0  # pixels added to both sides of Dice's fraction


def make_criterion(weights: Loss, ignore_index: int) -> Criterion:
    """Weighted sum of the parts of a recipe's loss, on scores float32 [N, C, H, W] and labels int64 [N, H, W].

    A batch without a labelled pixel has the loss 0. Dice: Milletari et al., 3DV 2016. Lovász-softmax: Berman et al.,
    CVPR 2018.
    """
    dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=ignore_index, smooth=_SMOOTH)

    def criterion(scores_NCHW: Tensor, label_NHW: Tensor) -> Tensor:
        if not _labelled(label_NHW, ignore_index):  # a mean over nothing would be NaN
            return scores_NCHW.sum() * 0
        total = weights.cross_entropy * _cross_entropy(scores_NCHW, label_NHW, weights, ignore_index)
        if weights.dice:
            part = dice if ranks.number() == 1 else partial(_dice_of_all, ignore_index=ignore_index)
            total = total + weights.dice * part(scores_NCHW, label_NHW)
        if weights.lovasz:
            s = _LOVASZ_STEP
            if _labelled(label_NHW[..., ::s, ::s], ignore_index):
                scores, label = ranks.joined(scores_NCHW[..., ::s, ::s]), ranks.joined(label_NHW[..., ::s, ::s])
                total = total + weights.lovasz * lovasz_softmax(scores, label, ignore_index)
        return total

    return criterion


def _labelled(label_NHW: Tensor, ignore_index: int) -> bool:
    """Whether any process has a labelled pixel."""
    return bool(ranks.total((label_NHW != ignore_index).sum()))


def _dice_of_all(scores_NCHW: Tensor, label_NHW: Tensor, ignore_index: int) -> Tensor:
    """The library's Dice loss of the pictures of all processes; it is made of sums over pixels."""
    counts_N1HW = (label_NHW != ignore_index)[:, None]
    predicted_NCHW = scores_NCHW.log_softmax(1).exp() * counts_N1HW
    truth_NHWC = F.one_hot(label_NHW * counts_N1HW[:, 0], scores_NCHW.shape[1])
    truth_NCHW = truth_NHWC.movedim(-1, 1) * counts_N1HW
    pixels = (0, 2, 3)
    both_C = (predicted_NCHW * truth_NCHW).sum(pixels)
    predicted_C, truth_C = predicted_NCHW.sum(pixels), truth_NCHW.sum(pixels).to(both_C)
    both_C, predicted_C, truth_C = ranks.summed(torch.stack([both_C, predicted_C, truth_C]))
    score_C = (both_C + _SMOOTH) / ((predicted_C + truth_C) / 2 + _SMOOTH)
    return ((1 - score_C) * (truth_C > 0)).mean()


def _cross_entropy(scores_NCHW: Tensor, label_NHW: Tensor, weights: Loss, ignore_index: int) -> Tensor:
    """Mean over the labelled pixels, or over the share `ohem` of them that has the largest loss in the batch.

    Online hard example mining: Shrivastava et al., CVPR 2016, arXiv:1604.03540.
    """
    every, alone = weights.ohem == 1, ranks.number() == 1
    losses = F.cross_entropy(
        scores_NCHW,
        label_NHW,
        ignore_index=ignore_index,
        label_smoothing=weights.label_smoothing,
        reduction=("mean" if alone else "sum") if every else "none",
    )
    if every:
        return losses if alone else losses / ranks.shared((label_NHW != ignore_index).sum())
    labelled = ranks.joined(losses)[ranks.joined(label_NHW) != ignore_index]
    return labelled.topk(math.ceil(weights.ohem * len(labelled)), sorted=False).values.mean()
