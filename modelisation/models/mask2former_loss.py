"""Mask2Former's matching loss on label maps, with pixels that have no label left out.

Transformers' `Mask2FormerLoss` takes what lies outside of a mask for "not this class", and a query without a mask for
"no object". A pixel without a label says neither. Here such pixels count in no cost and no loss, and a query that
found something where nobody labelled is not told that there is nothing. Where every pixel has a label the loss is the
library's, point for point (a test compares them).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import sample_point

from modelisation.processes import ranks


@dataclass(frozen=True)
class _Targets:
    """What a batch shows.

    Attributes:
        masks: of the classes in it, float32 [N, K, H, W].
        ignored: 1 where a pixel has no label, float32 [N, 1, H, W].
        classes: int64 [K].
        present: which picture shows which class, bool [N, K].
        number: of the classes in all pictures, which the sum over masks is divided by; see `ranks.shared`.
    """

    masks: Tensor
    ignored: Tensor
    classes: Tensor
    present: Tensor
    number: Tensor


class SetLoss:
    """Sum over the decoder's predictions of class, mask and Dice losses of the best assignment of queries to classes.

    Args:
        config: weights of the parts, number of points, and the share of them that is sampled where the masks are
            unsure.
        ignore_index: label of the pixels that count for nothing.
    """

    def __init__(self, config: Mask2FormerConfig, ignore_index: int) -> None:
        self.config, self.ignore_index = config, ignore_index

    def __call__(self, predictions: Sequence[tuple[Tensor, Tensor]], label_NHW: Tensor) -> Tensor:
        """Scalar loss, finite for every batch, without any gradient where no pixel has a label.

        Args:
            predictions: class logits [N, Q, C + 1] and mask logits [N, Q, h, w], the last layer's at the end.
            label_NHW: int64, of the same picture; its size is any multiple of h and w.
        """
        targets = _targets(label_NHW, self.ignore_index)
        last_first = [
            predictions[-1],
            *predictions[:-1],
        ]  # in the library's order, whose random numbers a test follows
        device = label_NHW.device.type
        with torch.autocast(device, enabled=False):
            losses = [self._of_layer(classes.float(), masks.float(), targets) for classes, masks in last_first]
        return torch.stack(losses).sum()

    def _of_layer(self, class_logits_NQL: Tensor, mask_logits_NQhw: Tensor, targets: _Targets) -> Tensor:
        c = self.config
        picture, query, target = self._match(class_logits_NQL, mask_logits_NQhw, targets)
        mask, dice = self._mask_losses(mask_logits_NQhw[picture, query], targets, picture, target)
        label_NQ = torch.full(class_logits_NQL.shape[:2], class_logits_NQL.shape[-1] - 1, device=target.device)
        label_NQ[picture, query] = targets.classes[target]
        weight_NQ = c.no_object_weight * _share_on_labels(mask_logits_NQhw, targets.ignored)
        weight_NQ[picture, query] = 1.0
        losses_NQ = F.cross_entropy(class_logits_NQL.transpose(1, 2), label_NQ, reduction="none")
        classes = (losses_NQ * weight_NQ).sum() / ranks.shared(weight_NQ.sum(), 1e-6)
        return c.class_weight * classes + c.mask_weight * mask + c.dice_weight * dice

    @torch.no_grad()
    def _match(
        self, class_logits_NQL: Tensor, mask_logits_NQhw: Tensor, targets: _Targets
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The cheapest assignment: int64 [M] each of picture, query, and place of the class among the batch's."""
        c = self.config
        if not len(targets.classes):
            return (torch.empty(0, dtype=torch.int64, device=mask_logits_NQhw.device),) * 3
        points = torch.rand(len(mask_logits_NQhw), c.train_num_points, 2, device=mask_logits_NQhw.device)
        logits_NQP = sample_point(mask_logits_NQhw, points, align_corners=False)
        counts_N1P = _counts(targets.ignored, points)
        target_NKP = sample_point(targets.masks, points, align_corners=False) * counts_N1P
        number = counts_N1P.sum(-1, keepdim=True).clamp(min=1)
        # Binary cross-entropy is softplus(x) - x * target, and the first part is the same for all classes of a query.
        outside_NQ1 = (F.softplus(logits_NQP) * counts_N1P).sum(-1, keepdim=True)
        mask_NQK = (outside_NQ1 - logits_NQP @ target_NKP.mT) / number
        inside_NQP = logits_NQP.sigmoid() * counts_N1P
        overlap_NQK = inside_NQP @ target_NKP.mT
        sizes_NQK = inside_NQP.sum(-1, keepdim=True) + target_NKP.sum(-1)[:, None]
        dice_NQK = 1 - (2 * overlap_NQK + 1) / (sizes_NQK + 1)
        class_NQK = -class_logits_NQL.softmax(-1)[..., targets.classes]
        cost_NQK = c.mask_weight * mask_NQK + c.class_weight * class_NQK + c.dice_weight * dice_NQK
        cost_NQK = cost_NQK.nan_to_num(nan=1e30, posinf=1e30, neginf=-1e30).cpu()
        matches: list[tuple[int, int, int]] = []
        for i, present in enumerate(targets.present.cpu()):
            columns = present.nonzero()[:, 0]
            queries, places = linear_sum_assignment(cost_NQK[i][:, columns])
            matches += [(i, q, k) for q, k in zip(queries, columns[places].tolist(), strict=True)]
        table = torch.tensor(matches, dtype=torch.int64, device=mask_logits_NQhw.device).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def _mask_losses(
        self, logits_Mhw: Tensor, targets: _Targets, picture: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Binary cross-entropy and Dice loss of the matched masks at points, each a mean over the targets."""
        if not len(logits_Mhw):
            return logits_Mhw.sum(), logits_Mhw.sum()
        logits_M1hw = logits_Mhw[:, None]
        ignored_M1HW = targets.ignored[picture]
        with torch.no_grad():
            points = self._unsure_points(logits_M1hw, ignored_M1HW)
            label_MP = sample_point(targets.masks[picture, target][:, None], points, align_corners=False)[:, 0]
            counts_MP = _counts(ignored_M1HW, points)[:, 0]
        logits_MP = sample_point(logits_M1hw, points, align_corners=False)[:, 0]
        losses_MP = F.binary_cross_entropy_with_logits(logits_MP, label_MP, reduction="none")
        mask_M = (losses_MP * counts_MP).sum(1) / counts_MP.sum(1).clamp(min=1)
        inside_MP, label_MP = logits_MP.sigmoid() * counts_MP, label_MP * counts_MP
        dice_M = 1 - (2 * (inside_MP * label_MP).sum(1) + 1) / (inside_MP.sum(1) + label_MP.sum(1) + 1)
        # The number is more than M where a picture has more classes than the network queries.
        return mask_M.sum() / targets.number, dice_M.sum() / targets.number

    def _unsure_points(self, logits_M1hw: Tensor, ignored_M1HW: Tensor) -> Tensor:
        """Points [M, P, 2] on 0..1: most of them the labelled ones among many where the logits are next to 0."""
        c, masks, device = self.config, len(logits_M1hw), logits_M1hw.device
        candidates = torch.rand(masks, int(c.train_num_points * c.oversample_ratio), 2, device=device)
        doubt_MP = -sample_point(logits_M1hw, candidates, align_corners=False)[:, 0].abs()
        doubt_MP[_counts(ignored_M1HW, candidates)[:, 0] == 0] = -torch.inf
        unsure = int(c.importance_sample_ratio * c.train_num_points)
        chosen = doubt_MP.topk(unsure, dim=1).indices[..., None].expand(-1, -1, 2)
        others = torch.rand(masks, c.train_num_points - unsure, 2, device=device)
        return torch.cat([candidates.gather(1, chosen), others], dim=1)


def _targets(label_NHW: Tensor, ignore_index: int) -> _Targets:
    labelled_NHW = label_NHW != ignore_index
    classes = label_NHW[labelled_NHW].unique()
    masks = label_NHW[:, None] == classes[:, None, None]
    present = masks.flatten(2).any(2)
    number = ranks.shared(present.sum())
    return _Targets(masks.float(), (~labelled_NHW)[:, None].float(), classes, present, number)


def _counts(ignored_N1HW: Tensor, points_NP2: Tensor) -> Tensor:
    """1 for the points whose value no pixel without a label has a part in, else 0; float32 [N, 1, P]."""
    return (sample_point(ignored_N1HW, points_NP2, align_corners=False) == 0).float()


@torch.no_grad()
def _share_on_labels(mask_logits_NQhw: Tensor, ignored_N1HW: Tensor) -> Tensor:
    """Which part of each query's mask has labels, 0..1 [N, Q]; 0 in pictures without any, 1 where all has one."""
    ignored_N1hw = F.interpolate(ignored_N1HW, size=mask_logits_NQhw.shape[-2:], mode="area")
    inside = mask_logits_NQhw.sigmoid()
    share = 1 - (inside * ignored_N1hw).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1e-6)
    return share * (ignored_N1HW.mean((2, 3)) < 1)
