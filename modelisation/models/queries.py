"""Scores of classes from queries: what networks of queries and masks (Mask2Former and its kin) say of each pixel."""

from contextlib import nullcontext

import torch
from torch import Tensor

_SMALLEST = 1e-12  # of a score before its logarithm is taken


def log_scores(class_logits_NQL: Tensor, mask_logits_NQHW: Tensor) -> Tensor:
    """Log-scores float32 [N, L - 1, H, W]: log of the sum over queries of P(class) x P(pixel is in the mask).

    Their argmax is the semantic inference of Cheng et al., MaskFormer, NeurIPS 2021, arXiv:2107.06278, and their
    softmax the share of each class in that sum. Always finite, and in float32 also under autocast: the logarithm of a
    sum in bf16 would have two digits.

    Args:
        class_logits_NQL: of each query; the last one stands for "no object".
        mask_logits_NQHW: of each query.
    """
    device = mask_logits_NQHW.device.type
    full_precision = torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
    with full_precision:
        classes_NQL = class_logits_NQL.float().softmax(-1)[..., :-1]
        scores_NLHW = torch.einsum("nql,nqhw->nlhw", classes_NQL, mask_logits_NQHW.float().sigmoid())
        return scores_NLHW.clamp_min(_SMALLEST).log()
