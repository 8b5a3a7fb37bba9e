"""Distillation: a trained network's class probabilities as soft targets for another one in training."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from back.runtime.card import ONNX_FILE, TeacherRecord, read_card, verify_files
from back.runtime.errors import UserError
from back.runtime.taxonomy import Taxonomy
from modelisation.models import load_bundle_model
from modelisation.models.base import Criterion
from modelisation.models.predict import normalise
from modelisation.processes import ranks
from modelisation.training.samples.geometry import SOFT_STEP


class Teacher:
    """A bundle's network in eval mode, which labels the pictures that its student is given.

    Args:
        bundle: folder of the teacher's bundle.
        taxonomy: the student's; the teacher's must have the same classes in the same order.
        device: where the pictures will be.

    Attributes:
        record: which network it is and on what terms, for the card of its student.

    Raises:
        UserError: the bundle has another taxonomy.
        BundleError: the folder is no bundle, or a file is not the one that its card lists.
    """

    def __init__(self, bundle: Path, taxonomy: Taxonomy, device: torch.device) -> None:
        card = read_card(bundle)
        if not card.taxonomy.same_classes(taxonomy):
            raise UserError(f"{bundle}: the teacher knows {card.taxonomy.id}, the recipe wants {taxonomy.id}")
        verify_files(bundle, card)  # what the student's card says of its teacher must be true of these weights
        self.record = TeacherRecord(
            name=card.name,
            sha256=card.files[ONNX_FILE],
            weights_licence=card.training.weights_licence if card.training else None,
        )
        self.contract = card.input
        self.model = load_bundle_model(bundle).requires_grad_(False).to(device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def probabilities(self, image_NHWC: Tensor) -> Tensor:
        """Class probabilities float32 [N, C, H / 2, W / 2] of pictures uint8 [N, H, W, 3] with even H and W."""
        image_NCHW = normalise(image_NHWC, self.contract).contiguous(memory_format=torch.channels_last)
        return self.model.dense_scores(image_NCHW)[..., ::SOFT_STEP, ::SOFT_STEP].softmax(1)


def add_teacher(criterion: Criterion, target_NCHW: Tensor, weight: float, threshold: float = 0.0) -> Criterion:
    """`criterion` plus `weight` times the cross-entropy with a teacher's probabilities, on ignored pixels too.

    Hinton et al., 2015, arXiv:1503.02531, at temperature 1 and without the target's own entropy, which is constant.

    Args:
        criterion: of the labels.
        target_NCHW: probabilities float32 at every second pixel; all 0 where the teacher says nothing.
        weight: of the teacher's part.
        threshold: only pixels whose best class has at least this probability count; 0 counts all of them.
    """

    def both(scores_NCHW: Tensor, label_NHW: Tensor) -> Tensor:
        log_probabilities = F.log_softmax(scores_NCHW[..., ::SOFT_STEP, ::SOFT_STEP], dim=1)
        losses_NHW = -(target_NCHW * log_probabilities).sum(1)
        if threshold:
            sure_NHW = target_NCHW.amax(1) >= threshold
            soft = (losses_NHW * sure_NHW).sum() / ranks.shared(sure_NHW.sum())
        else:
            soft = losses_NHW.mean()
        return criterion(scores_NCHW, label_NHW) + weight * soft

    return both
