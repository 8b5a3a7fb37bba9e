"""SegFormer (Xie et al., NeurIPS 2021, arXiv:2105.15203) from transformers, configurations b0 to b5."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation
from transformers.models.segformer.modeling_segformer import SegformerDecodeHead

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
    """SegFormer with its standard head for training and the folded head (see `FoldedHead`) for serving.

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
            raise ValueError(f"unknown SegFormer variant {variant!r}; known: {', '.join(VARIANTS)}")
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
        return self.net(image_NCHW).logits

    def encoder_parameters(self) -> list[nn.Parameter]:
        return list(self.net.segformer.parameters())

    def export_form(self) -> nn.Module:
        self.eval()
        return _Folded(self.net.segformer, FoldedHead(self.net.decode_head)).eval()


class FoldedHead(nn.Module):
    """The decode head with everything before the ReLU folded into one 1x1 convolution a stage, exactly.

    The standard head projects each stage to the head's width, upsamples all to stride 4, concatenates, and fuses
    with a 1x1 convolution and a batch norm. All of that is linear, and a 1x1 convolution commutes with bilinear
    upsampling (whose weights sum to one, so biases pass through). So projection, the stage's slice of the fuse
    convolution and the batch norm become one matrix a stage, applied at the stage's own resolution; the results are
    upsampled and added. Same scores to rounding, about half of the whole network's multiplications.
    """

    def __init__(self, head: SegformerDecodeHead) -> None:
        super().__init__()
        tensors = {name: tensor.detach().double() for name, tensor in head.state_dict().items()}
        scale = tensors["batch_norm.weight"] / torch.sqrt(tensors["batch_norm.running_var"] + head.batch_norm.eps)
        shift = tensors["batch_norm.bias"] - tensors["batch_norm.running_mean"] * scale
        width, count = len(scale), len(head.linear_projections)
        # The head concatenates the stages last to first, so the fuse convolution's slices come in that order.
        slices = tensors["linear_fuse.weight"].view(width, count, -1).flip(1)
        stages = []
        for i in range(count):
            fuse = slices[:, i] * scale[:, None]
            weight = fuse @ tensors[f"linear_projections.{i}.proj.weight"]
            bias = fuse @ tensors[f"linear_projections.{i}.proj.bias"] + (shift if i == 0 else 0)
            stage = nn.Conv2d(weight.shape[1], width, 1)
            stage.load_state_dict({"weight": weight[..., None, None], "bias": bias})
            stages.append(stage)
        self.stages = nn.ModuleList(stages)
        self.classifier = head.classifier

    def forward(self, features: list[Tensor]) -> Tensor:
        """Scores [N, classes, h, w] from the four stages' features, finest first."""
        size = features[0].shape[-2:]
        fused = self.stages[0](features[0])
        for stage, feature_NCHW in zip(self.stages[1:], features[1:], strict=True):
            fused = fused + F.interpolate(stage(feature_NCHW), size=size, mode="bilinear", align_corners=False)
        return self.classifier(F.relu(fused))


class _Folded(nn.Module):
    def __init__(self, encoder: nn.Module, head: FoldedHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.head(list(self.encoder(image_NCHW, output_hidden_states=True).hidden_states))
