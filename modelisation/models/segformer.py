"""SegFormer (Xie et al., NeurIPS 2021, arXiv:2105.15203) from transformers, configurations b0 to b5."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation
from transformers.models.segformer.modeling_segformer import SegformerDecodeHead

from back.runtime.errors import UserError
from modelisation.models.base import SegmentationModel

# Table 6 of the paper: channels and depths of the four stages, width of the decode head.
VARIANTS: dict[str, dict[str, Any]] = {
    "b0": {"hidden_sizes": [32, 64, 160, 256], "depths": [2, 2, 2, 2], "decoder_hidden_size": 256},
    "b1": {"hidden_sizes": [64, 128, 320, 512], "depths": [2, 2, 2, 2], "decoder_hidden_size": 256},
    "b2": {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 4, 6, 3], "decoder_hidden_size": 768},
    "b3": {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 4, 18, 3], "decoder_hidden_size": 768},
    "b4": {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 8, 27, 3], "decoder_hidden_size": 768},
    "b5": {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 6, 40, 3], "decoder_hidden_size": 768},
}


class SegFormer(SegmentationModel):
    """SegFormer with the standard head's parameters for training and the folded head (see `FoldedHead`) to serve.

    Args:
        num_classes: number of classes.
        variant: `b0` to `b5`.
        pretrained: None for random weights, or a folder or hub name of a transformers SegFormer to start from.
        config: further fields of `SegformerConfig`, for example `drop_path_rate`.
    """

    architecture = "segformer"
    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(
        self, num_classes: int, *, variant: str = "b0", pretrained: str | None = None, **config: Any
    ) -> None:
        super().__init__(num_classes)
        if variant not in VARIANTS:
            raise UserError(f"unknown SegFormer variant {variant!r}; known: {', '.join(VARIANTS)}")
        if unknown := sorted(config.keys() - SegformerConfig().to_dict().keys()):
            raise UserError(f"transformers' SegformerConfig has no {', '.join(unknown)}; change the recipe's build")
        fields = VARIANTS[variant] | {"num_labels": num_classes} | config
        if pretrained is None:
            self.net = SegformerForSemanticSegmentation(SegformerConfig(**fields))
            self.initialisation = "random"
        else:
            self.net = SegformerForSemanticSegmentation.from_pretrained(
                pretrained, **fields, ignore_mismatched_sizes=True
            )
            self.initialisation = f"transformers weights {pretrained}"

    def forward(self, image_NCHW: Tensor) -> Tensor:
        features = list(self.net.segformer(image_NCHW, output_hidden_states=True).hidden_states)
        return merged_head_scores(self.net.decode_head, features)

    def encoder_layers(self) -> list[list[nn.Module]]:
        """Every transformer block is a layer; a stage's patch embedding is in its first, its norm in its last."""
        layers: list[list[nn.Module]] = []
        for stage in self.net.segformer.stages:
            blocks: list[list[nn.Module]] = [[block] for block in stage.get_submodule("blocks").children()]
            blocks[0].append(stage.get_submodule("patch_embeddings"))
            blocks[-1].append(stage.get_submodule("layer_norm"))
            layers += blocks
        return layers

    def export_form(self) -> nn.Module:
        self.eval()
        return _Folded(self.net.segformer, FoldedHead(self.net.decode_head)).eval()


def merged_projections(head: SegformerDecodeHead, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    """Weight [width, channels, 1, 1] and bias [width] of one 1x1 convolution a stage, finest stage first.

    The standard head projects each stage to the head's width, upsamples all to stride 4, concatenates, and fuses
    with a 1x1 convolution. All of that is linear, and a 1x1 convolution commutes with bilinear upsampling (whose
    weights sum to one, so biases pass through). So a stage's projection and its slice of the fuse convolution are
    one matrix, applied at the stage's own resolution; the results are upsampled and added. Gradients flow through
    to the standard parameters.
    """
    # The head concatenates the stages last to first, so the fuse convolution's slices come in that order.
    slices = head.linear_fuse.weight.to(dtype).view(head.linear_fuse.out_channels, len(head.linear_projections), -1)
    merged = []
    with torch.autocast(slices.device.type, enabled=False):
        for projection, fuse in zip(head.linear_projections, slices.flip(1).unbind(1), strict=True):
            linear: nn.Linear = projection.proj  # type: ignore[assignment]
            weight = fuse @ linear.weight.to(dtype)
            merged.append((weight[..., None, None], fuse @ linear.bias.to(dtype)))
    return merged


def upsampled_sum(stages_NCHW: list[Tensor]) -> Tensor:
    """Sum of the stages [N, width, h, w] at the size of the first."""
    total, *coarser = stages_NCHW
    for stage in coarser:
        total = total + F.interpolate(stage, size=total.shape[-2:], mode="bilinear", align_corners=False)
    return total


def merged_head_scores(head: SegformerDecodeHead, features_NCHW: list[Tensor]) -> Tensor:
    """The standard decode head's scores [N, classes, h, w], by the merged matrices: about half of its cost."""
    merged = merged_projections(head, head.linear_fuse.weight.dtype)
    fused = upsampled_sum([F.conv2d(feature, *matrix) for feature, matrix in zip(features_NCHW, merged, strict=True)])
    return head.classifier(head.dropout(F.relu(head.batch_norm(fused))))


class FoldedHead(nn.Module):
    """The decode head with everything before the ReLU folded into one 1x1 convolution a stage, exactly.

    The matrices of `merged_projections` with the batch norm merged in as well. Same scores to rounding, about half
    of the whole network's multiplications.
    """

    def __init__(self, head: SegformerDecodeHead) -> None:
        super().__init__()
        norm = {name: tensor.detach().double() for name, tensor in head.batch_norm.state_dict().items()}
        scale = norm["weight"] / torch.sqrt(norm["running_var"] + head.batch_norm.eps)
        shift = norm["bias"] - norm["running_mean"] * scale
        stages = []
        with torch.no_grad():
            for i, (weight, bias) in enumerate(merged_projections(head, torch.float64)):
                stage = nn.Conv2d(weight.shape[1], len(scale), 1)
                stage.weight.copy_(weight * scale[:, None, None, None])
                stage.bias.copy_(bias * scale + (shift if i == 0 else 0))  # type: ignore[union-attr]
                stages.append(stage)
        self.stages = nn.ModuleList(stages)
        self.classifier = head.classifier

    def forward(self, features: list[Tensor]) -> Tensor:
        """Scores [N, classes, h, w] from the four stages' features, finest first."""
        fused = upsampled_sum([stage(feature) for stage, feature in zip(self.stages, features, strict=True)])
        return self.classifier(F.relu(fused))


class _Folded(nn.Module):
    def __init__(self, encoder: nn.Module, head: FoldedHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.head(list(self.encoder(image_NCHW, output_hidden_states=True).hidden_states))
