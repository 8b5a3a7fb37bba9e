"""What imported networks share: the channels of their labels become log-scores of our classes inside the graph."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modelisation.models.base import SegmentationModel


class ImportedModel(SegmentationModel):
    """A network of another library: normalised pictures in, log-scores of our classes out.

    Args:
        num_classes: number of classes.
        labels: channels of the network's head.
        merge: for each class the channels that are it, in the order of the classes. Where there are not as many as
            classes, the network gets a head of its own for these classes, and nothing is merged.
        mean, std: of the normalisation, on 0..1, in the order RGB.
        bgr: whether the network takes blue, green, red.
        net_stride: input pixels per score of the network, in both directions.
        score_stride: of what `forward` gives. Where it is finer the scores are upsampled before channels are merged,
            as the library does it.
        size_multiple: H and W are multiples of this many pixels.
        only_size: H and W where the network takes no others.
    """

    initialisation = "random"
    all_learn = False  # other libraries have heads for losses of their own

    def __init__(
        self,
        num_classes: int,
        *,
        labels: int,
        mean: Sequence[float],
        std: Sequence[float],
        merge: Sequence[Sequence[int]] | None = None,
        bgr: bool = False,
        net_stride: int = 4,
        score_stride: int | None = None,
        size_multiple: int = 32,
        only_size: Sequence[int] | None = None,
    ) -> None:
        super().__init__(num_classes)
        merges = merge is not None and len(merge) == num_classes
        self.labels = labels if merges else num_classes
        self.merge = [list(channels) for channels in merge] if merge is not None and merges else None
        self.mean, self.std = _three(mean), _three(std)
        self.bgr = bgr
        self.net_stride = net_stride
        self.score_stride = score_stride or net_stride
        self.size_multiple = size_multiple
        self.only_size = only_size

    @abstractmethod
    def label_scores(self, image_NCHW: Tensor) -> Tensor:
        """Log-scores [N, labels, H / s, W / s] at `net_stride` or already at `score_stride`."""

    def forward(self, image_NCHW: Tensor) -> Tensor:
        scores = self.label_scores(image_NCHW.flip(1) if self.bgr else image_NCHW)
        return merge_channels(scores, self.merge)

    def upsampled(self, scores_NCHW: Tensor) -> Tensor:
        """Scores, or masks, at `net_stride` brought to `score_stride`."""
        factor = self.net_stride / self.score_stride
        if factor == 1:
            return scores_NCHW
        return F.interpolate(scores_NCHW, scale_factor=factor, mode="bilinear", align_corners=False)

    def encoder_layers(self) -> list[list[nn.Module]]:
        """All but the head as one layer."""
        return [self.encoder_parts()]

    @abstractmethod
    def encoder_parts(self) -> list[nn.Module]:
        """The modules of the pretrained part."""


def merge_channels(scores_NLHW: Tensor, merge: Sequence[Sequence[int]] | None) -> Tensor:
    """Log-scores of labels to log-scores of classes [N, classes, H, W]: the probabilities of a class's labels added.

    The logarithm of a sum of exponentials, taken less its largest term, so that nothing overflows. A class of one
    label keeps that label's scores to the last bit.
    """
    if merge is None or [list(channels) for channels in merge] == [[i] for i in range(scores_NLHW.shape[1])]:
        return scores_NLHW
    return torch.cat([_log_sum_exp(_channels(scores_NLHW, channels)) for channels in merge], dim=1)


def _channels(scores_NLHW: Tensor, channels: Sequence[int]) -> Tensor:
    return (
        torch.cat([scores_NLHW[:, i : i + 1] for i in channels], dim=1)
        if len(channels) > 1
        else (scores_NLHW[:, channels[0] : channels[0] + 1])
    )


def _log_sum_exp(scores_NLHW: Tensor) -> Tensor:
    if scores_NLHW.shape[1] == 1:
        return scores_NLHW
    highest = scores_NLHW.amax(dim=1, keepdim=True)
    return highest + (scores_NLHW - highest).exp().sum(dim=1, keepdim=True).log()


def _three(values: Sequence[Any]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
