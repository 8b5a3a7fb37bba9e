"""The interface that every architecture fulfils, so that training and export know none of them by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from modelisation.models.channels_last import with_channels_last_gradient

Criterion = Callable[[Tensor, Tensor], Tensor]


class SegmentationModel(nn.Module, ABC):
    """A semantic-segmentation network that scores every class on a grid coarser than the picture.

    `forward` maps normalised pictures float32 [N, 3, H, W], H and W multiples of `size_multiple`, to scores
    [N, classes, H / score_stride, W / score_stride], meant for bilinear upsampling with align_corners=False.
    A subclass with a loss of its own (set prediction, say) overrides `loss`; one whose served form differs from the
    trained form overrides `export_form`.
    """

    architecture: ClassVar[str]
    score_stride: int = 4
    size_multiple: int = 32
    open_sizes: ClassVar[bool] = True  # whether its graph can be exported for pictures of any size
    all_learn: ClassVar[bool] = True  # whether the loss of every batch depends on every parameter
    smallest_batch: ClassVar[int] = 1  # in training mode, with batch norms that are not frozen
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    initialisation: str
    # What the weights that it began with decide about the network itself; a build argument for each.
    structure: Mapping[str, Any] = MappingProxyType({})
    steps_before = 0  # of the runs whose weights it began with
    batchnorm_frozen = False

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes

    @abstractmethod
    def forward(self, image_NCHW: Tensor) -> Tensor:
        """Scores [N, classes, h, w] of normalised pictures whose sides are multiples of `size_multiple`."""

    @abstractmethod
    def encoder_layers(self) -> list[list[nn.Module]]:
        """The modules of the pretrained (or pretrainable) part, layer by layer from the picture on.

        It may learn at a rate of its own, the layers near the picture more slowly still.
        """

    def freeze_batchnorm(self) -> None:
        """Fix the statistics and the affine parameters of every batch norm from now on, in training mode too."""
        self.batchnorm_frozen = True
        for norm in self._batch_norms():
            norm.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.batchnorm_frozen:
            for norm in self._batch_norms():
                norm.eval()
        return self

    def _batch_norms(self) -> list[nn.Module]:
        return [module for module in self.modules() if isinstance(module, _BatchNorm)]

    def dense_scores(self, image_NCHW: Tensor) -> Tensor:
        """Scores [N, classes, H, W] at the picture's own size, which may be odd.

        The picture is padded right and bottom with zeros, which is the mean colour of a normalised picture.
        """
        height, width = image_NCHW.shape[-2:]
        return self.to_pixels(self(self.padded(image_NCHW)))[..., :height, :width]

    def padded(self, image_NCHW: Tensor) -> Tensor:
        """Pictures padded right and bottom with zeros to multiples of `size_multiple`."""
        height, width = image_NCHW.shape[-2:]
        m = self.size_multiple
        return F.pad(image_NCHW, (0, -width % m, 0, -height % m))

    def to_pixels(self, scores_NChw: Tensor) -> Tensor:
        """Scores float32 [N, C, h * score_stride, w * score_stride] at the size of the picture that they are of."""
        # In float32: interpolation and softmax of bf16 scores would lose the last digits of the loss.
        return with_channels_last_gradient(
            F.interpolate(
                scores_NChw.float(), scale_factor=float(self.score_stride), mode="bilinear", align_corners=False
            )
        )

    def loss(self, image_NCHW: Tensor, label_NHW: Tensor, criterion: Criterion) -> Tensor:
        """Scalar training loss; label int64 [N, H, W] with the ignore index where unlabelled."""
        return criterion(self.dense_scores(image_NCHW), label_NHW)

    def export_form(self) -> nn.Module:
        """A module in eval mode with the same scores, in the form that is cheapest to serve."""
        return self.eval()

    def parameter_groups(
        self, lr: float, encoder_lr_factor: float, weight_decay: float, layer_decay: float = 1.0
    ) -> list[dict[str, Any]]:
        """Optimiser groups: no weight decay on biases and norms, encoder at `lr * encoder_lr_factor`.

        With `layer_decay` d below 1 the encoder's last layer learns at d times that rate, the one before at d^2 times
        and so on (Clark et al., ELECTRA, ICLR 2020; Bao et al., BEiT, ICLR 2022).
        """
        factors = {
            id(parameter): encoder_lr_factor * layer_decay**depth
            for depth, layer in enumerate(reversed(self.encoder_layers()), start=1)
            for module in layer
            for parameter in module.parameters()
        }
        # Whether a parameter is the encoder's is part of the key, so that a group never mixes the two: a checkpoint's
        # optimiser state is read back group by group.
        groups: dict[tuple[bool, float, bool], list[nn.Parameter]] = {}
        for parameter in self.parameters():
            key = (id(parameter) in factors, factors.get(id(parameter), 1.0), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
        return [
            {"params": parameters, "lr": lr * factor, "weight_decay": weight_decay if decays else 0.0}
            for (_, factor, decays), parameters in groups.items()
        ]
