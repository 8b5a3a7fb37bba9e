"""SegFormer (Xie et al., NeurIPS 2021, arXiv:2105.15203) from transformers, configurations b0 to b5."""

from typing import Any

from torch import Tensor, nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from back.runtime.errors import UserError
from modelisation.models.base import SegmentationModel
from modelisation.models.from_transformers import check_fields, make_net
from modelisation.models.segformer_head import FoldedHead, merged_head_scores

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
        check_fields(SegformerConfig, config)
        fields = VARIANTS[variant] | {"num_labels": num_classes} | config
        self.net, self.initialisation = make_net(
            SegformerForSemanticSegmentation, SegformerConfig, fields, pretrained
        )

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


class _Folded(nn.Module):
    def __init__(self, encoder: nn.Module, head: FoldedHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.head(list(self.encoder(image_NCHW, output_hidden_states=True).hidden_states))
