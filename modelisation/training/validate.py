"""Validation during training: the network in PyTorch between the served preparation and the served argmax."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize, to_input
from back.runtime.taxonomy import Taxonomy
from back.runtime.upsample import upsample_argmax
from modelisation.data.base import Sample
from modelisation.evaluation.metrics import confusion_matrix, scores_of
from modelisation.models.base import SegmentationModel


def normalise(image_NHWC: Tensor, contract: InputContract) -> Tensor:
    """uint8 [N, H, W, 3] -> normalised float32 [N, 3, H, W] in channels_last order."""
    mean = torch.tensor(contract.mean, device=image_NHWC.device).view(1, 3, 1, 1)
    std = torch.tensor(contract.std, device=image_NHWC.device).view(1, 3, 1, 1)
    return (image_NHWC.permute(0, 3, 1, 2).float() / 255 - mean) / std


@torch.no_grad()
def predict_labels(
    model: SegmentationModel, image_HWC: np.ndarray, contract: InputContract
) -> tuple[np.ndarray, Tensor]:
    """Label map uint8 [H, W] of a picture uint8 [H, W, 3], and the scores [1, C, h, w] it came from."""
    height, width = image_HWC.shape[:2]
    plan = plan_resize(height, width, contract, None)
    device = next(model.parameters()).device
    prepared = torch.from_numpy(np.array(to_input(image_HWC, plan, contract))).to(device)
    scores = model(normalise(prepared[None], contract)).float()
    stride = contract.score_stride
    labels = upsample_argmax(scores[0].cpu().numpy(), height, width, plan.height / stride, plan.width / stride)
    return labels, scores


@torch.no_grad()
def validate(
    model: SegmentationModel, samples: Sequence[Sample], contract: InputContract, taxonomy: Taxonomy
) -> dict[str, Any]:
    """Scores of a split at full resolution: `scores_of`'s, with `loss` (mean cross-entropy a picture, at the
    network's own resolution) and `confusion_matrix` (int64 [C, C])."""
    was_training = model.training
    model.eval()
    matrix = np.zeros((len(taxonomy.classes),) * 2, np.int64)
    losses = []
    for sample in samples:
        labels, scores = predict_labels(model, sample.image, contract)
        matrix += confusion_matrix(sample.label, labels, len(taxonomy.classes), taxonomy.ignore_index)
        losses.append(_loss(scores, sample.label, contract, taxonomy.ignore_index))
    model.train(was_training)
    return scores_of(matrix, taxonomy) | {"loss": _mean_loss(losses), "confusion_matrix": matrix}


def _mean_loss(losses: Sequence[float]) -> float:
    """Mean over the pictures with a labelled pixel at the scores' own resolution; 0 where none has one."""
    return 0.0 if np.isnan(losses).all() else float(np.nanmean(losses))


def _loss(scores_1Chw: Tensor, label_HW: np.ndarray, contract: InputContract, ignore_index: int) -> float:
    """Cross-entropy at stride 4: the labels are brought to the scores' grid, not the scores to the labels'."""
    height, width = label_HW.shape
    plan = plan_resize(height, width, contract, None)
    h, w = max(1, plan.height // contract.score_stride), max(1, plan.width // contract.score_stride)
    label = torch.from_numpy(label_HW)[None, None].float()
    small = F.interpolate(label, size=(h, w), mode="nearest-exact")[:, 0].long().to(scores_1Chw.device)
    return F.cross_entropy(scores_1Chw[..., :h, :w], small, ignore_index=ignore_index).item()
