"""Validation during training: the network in PyTorch between the served preparation and the served argmax."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize
from back.runtime.scores.confusion import confusion_matrix
from back.runtime.taxonomy import Taxonomy
from modelisation.data.base import Sample
from modelisation.evaluation.metrics import scores_of
from modelisation.models.base import SegmentationModel
from modelisation.models.predict import predict_labels
from modelisation.processes import ranks


@torch.no_grad()
def validate(
    model: SegmentationModel, samples: Sequence[Sample], contract: InputContract, taxonomy: Taxonomy
) -> dict[str, Any]:
    """Scores of a split at full resolution: `scores_of`'s, with `loss` (mean cross-entropy a picture, at the
    network's own resolution) and `confusion_matrix` (int64 [C, C]).

    Several processes take a share of the pictures each; every one gets the scores of all.
    """
    was_training = model.training
    model.eval()
    matrix = np.zeros((len(taxonomy.classes),) * 2, np.int64)
    losses = []
    for index in ranks.mine(range(len(samples))):
        sample = samples[index]
        labels, scores = predict_labels(model, sample.image, contract)
        matrix += confusion_matrix(sample.label, labels, len(taxonomy.classes), taxonomy.ignore_index)
        losses.append(_loss(scores, sample.label, contract, taxonomy.ignore_index))
    model.train(was_training)
    matrix = total_matrix(matrix, model)
    losses = [loss for part in ranks.everyones(losses) for loss in part]
    return scores_of(matrix, taxonomy) | {"loss": _mean_loss(losses), "confusion_matrix": matrix}


def total_matrix(matrix: np.ndarray, model: SegmentationModel) -> np.ndarray:
    """The sum over the processes of their confusion matrices int64 [C, C], exact; `model` says on which device."""
    device = next(model.parameters()).device
    return ranks.total(torch.from_numpy(matrix).to(device)).cpu().numpy()


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
