"""A network in PyTorch between the served preparation of a photo and the served argmax."""

import numpy as np
import torch
from torch import Tensor

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize, to_input
from back.runtime.upsample import upsample_argmax
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
