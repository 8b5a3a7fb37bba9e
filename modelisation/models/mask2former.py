"""Mask2Former (Cheng et al., CVPR 2022, arXiv:2112.01527) from transformers, with Swin backbones of five sizes."""

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation

from back.runtime.errors import UserError
from back.runtime.taxonomy import IGNORE
from modelisation.models.base import Criterion, SegmentationModel
from modelisation.models.from_transformers import check_fields, make_net
from modelisation.models.mask2former_loss import SetLoss
from modelisation.models.queries import log_scores
from modelisation.models.swin import SIZES, convolutional_stem, swin_config

# What is smaller than in the paper, which has 256 channels, 100 queries, 6 layers of deformable attention, 9 of the
# decoder (the library counts the prediction before the first one as one more), and 12,544 points for each mask.
_NANO: dict[str, Any] = {
    "feature_size": 64,
    "mask_feature_size": 64,
    "hidden_dim": 64,
    "num_attention_heads": 4,
    "encoder_feedforward_dim": 256,
    "dim_feedforward": 256,
    "encoder_layers": 2,
    "decoder_layers": 4,
    "num_queries": 24,
    "train_num_points": 1024,
}
VARIANTS = tuple(SIZES)


class Mask2Former(SegmentationModel):
    """Mask2Former that scores classes: each query has a mask and a class, and they are added up to log-scores.

    It is trained by the matching of queries with the masks of the classes in a picture, at every layer of the decoder
    (`SetLoss`), and by the recipe's loss on the log-scores, through which a teacher speaks, too.

    Args:
        num_classes: number of classes.
        variant: `swin-nano` (a size of our own, 2.3 million parameters, whose patches come from two convolutions with
            stride 2, which learn faster from few photos than one with stride 4), or the paper's `swin-tiny`,
            `swin-small`, `swin-base` and `swin-large`.
        pretrained: None for random weights, or a folder or hub name of a transformers Mask2Former to start from.
        backbone: further fields of `SwinConfig`, for example `drop_path_rate`.
        config: further fields of `Mask2FormerConfig`, for example `num_queries`, or the weights of the matching loss
            `class_weight`, `mask_weight`, `dice_weight` and `no_object_weight`.
    """

    architecture = "mask2former"
    # Left to itself the exporter fixes the batch, whether Swin cuts off the padding of its windows, and the length of
    # the pixel decoder's reference points. Traced at 96x160, with a Swin that joins its heads before a reshape
    # and reference points by arange, a small network's graph gave PyTorch's scores at seven sizes; but writing it
    # took 88 s of processor time in place of 14.
    open_sizes = False
    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(
        self,
        num_classes: int,
        *,
        variant: str = "swin-nano",
        pretrained: str | None = None,
        backbone: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> None:
        super().__init__(num_classes)
        if variant not in VARIANTS:
            raise UserError(f"unknown Mask2Former variant {variant!r}; known: {', '.join(VARIANTS)}")
        check_fields(Mask2FormerConfig, config)
        swin = swin_config(variant, backbone or {})
        fields = (
            (_NANO if variant == "swin-nano" else {}) | {"num_labels": num_classes, "backbone_config": swin} | config
        )
        self.net, self.initialisation = make_net(
            Mask2FormerForUniversalSegmentation, Mask2FormerConfig, fields, pretrained
        )
        self.set_loss = SetLoss(self.net.config, IGNORE)
        self.net.criterion = nn.Identity()  # type: ignore[assignment] # `set_loss` stands for the library's
        backbone_net = self.net.model.pixel_level_module.encoder
        backbone_net.set_attn_implementation("eager")  # the exporter cannot trace the fused kernel
        backbone_net.swin.layernorm = nn.Identity()  # of the classifier: nothing reads what it gives
        if variant == "swin-nano":
            backbone_net.swin.embeddings.patch_embeddings.projection = convolutional_stem(swin.embed_dim)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return log_scores(*self.queries(image_NCHW))

    def queries(self, image_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """What the queries say in the end: classes [N, queries, classes + 1] and masks [N, queries, H / 4, W / 4]."""
        return self._predictions(image_NCHW)[-1]

    def _predictions(self, image_NCHW: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Classes [N, queries, classes + 1] and masks [N, queries, H / 4, W / 4] before and after each layer."""
        outputs = self.net.model(image_NCHW, output_hidden_states=True)
        states = outputs.transformer_decoder_intermediate_states
        return [
            (self.net.class_predictor(state_QND.transpose(0, 1)), masks)
            for state_QND, masks in zip(states, outputs.masks_queries_logits, strict=True)
        ]

    def loss(self, image_NCHW: Tensor, label_NHW: Tensor, criterion: Criterion) -> Tensor:
        predictions = self._predictions(self.padded(image_NCHW))
        height, width = label_NHW.shape[-2:]
        dense = self.to_pixels(log_scores(*predictions[-1]))[..., :height, :width]
        below, right = -height % self.size_multiple, -width % self.size_multiple
        label = F.pad(label_NHW, (0, right, 0, below), value=IGNORE)
        return self.set_loss(predictions, label) + criterion(dense, label_NHW)

    def encoder_layers(self) -> list[list[nn.Module]]:
        """Every block of Swin is a layer; the patches are in the first, a stage's merging of patches in its last.

        The norms of the four feature maps are the pixel decoder's: a pretrained Swin has none.
        """
        swin = self.net.model.pixel_level_module.encoder.swin
        layers: list[list[nn.Module]] = []
        for stage in swin.encoder.layers:
            blocks: list[list[nn.Module]] = [[block] for block in stage.blocks]
            if stage.downsample is not None:
                blocks[-1].append(stage.downsample)
            layers += blocks
        layers[0].append(swin.embeddings)
        return layers
