"""Semantic-segmentation networks of transformers: those with a score for each label, and those of queries and masks.

Attention is computed eagerly: the exporter cannot trace the fused kernels with open sizes.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING,
    MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING,
    AutoModelForSemanticSegmentation,
    AutoModelForUniversalSegmentation,
    PreTrainedConfig,
    PreTrainedModel,
)

from back.runtime.errors import UserError
from modelisation.models.imported.base import ImportedModel, merge_channels
from modelisation.models.imported.pooling import use_bin_pools
from modelisation.models.queries import log_scores
from modelisation.models.segformer_head import FoldedHead, merged_head_scores

# Queries whose masks and classes are summed to scores; the others of the universal mapping find instances.
QUERY_MODELS = ("mask2former", "oneformer", "eomt", "eomt_dinov3")
# Transformers whose position codes are of one size of picture, at which they were trained.
POSITION_CODED = ("beit", "data2vec-vision", "dpt", "eomt", "eomt_dinov3")
_MASKING = "attn_mask_probs"  # EoMT's: how often each block masks its attention, 1 at first and 0 after training


class HuggingFace(ImportedModel):
    """A network of transformers by its configuration.

    Args:
        config: the fields of its configuration that are not the defaults, `model_type` among them.
        task: OneFormer's tokens of the task.
        others: see `ImportedModel`.
    """

    architecture = "transformers"

    def __init__(
        self, num_classes: int, *, config: Mapping[str, Any], task: Sequence[int] | None = None, **others: Any
    ) -> None:
        super().__init__(num_classes, **others)
        self.kind = str(config["model_type"])
        self.task = list(task) if task else None
        self.net = build_net(config, self.labels)
        use_bin_pools(self.net)

    def label_scores(self, image_NCHW: Tensor) -> Tensor:
        if self.kind in QUERY_MODELS:
            return self._query_scores(image_NCHW)
        return self.upsampled(_SCORES.get(self.kind, _plain)(self.net, image_NCHW))

    def _query_scores(self, image_NCHW: Tensor) -> Tensor:
        outputs = self.net(pixel_values=image_NCHW, **self.extra_inputs(image_NCHW))
        return log_scores(outputs.class_queries_logits, self.upsampled(outputs.masks_queries_logits))

    def extra_inputs(self, image_NCHW: Tensor) -> dict[str, Tensor]:
        """What the network takes beside pictures."""
        if self.task is None:
            return {}
        tokens = torch.tensor([self.task], dtype=image_NCHW.dtype, device=image_NCHW.device)
        return {"task_inputs": tokens.expand(image_NCHW.shape[0], -1)}

    def encoder_parts(self) -> list[nn.Module]:
        for owner in (self.net, self.net.base_model):
            for name in ("backbone", "pixel_level_module"):
                if isinstance(part := getattr(owner, name, None), nn.Module):
                    return [getattr(part, "encoder", part)]
        base = self.net.base_model
        return [base] if base is not self.net else []

    def export_form(self) -> nn.Module:
        self.eval()
        if hasattr(self.net, _MASKING):
            return _with_plain_masking(self)
        return _FoldedSegformer(self).eval() if self.kind == "segformer" else self


def net_class(config: PreTrainedConfig) -> Any:
    """The library's loader for a configuration.

    Raises:
        UserError: it is of no network for semantic segmentation that is known here.
    """
    if type(config) in MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING:
        return AutoModelForSemanticSegmentation
    if config.model_type in QUERY_MODELS and type(config) in MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING:
        return AutoModelForUniversalSegmentation
    known = sorted({c.model_type for c in MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING} | set(QUERY_MODELS))
    raise UserError(
        f"a network of the kind {config.model_type} gives no semantic segmentation here; known: {', '.join(known)}"
    )


def config_of(fields: Mapping[str, Any], labels: int) -> PreTrainedConfig:
    """A configuration by its fields, for so many labels, that loads no weights of a backbone.

    Raises:
        UserError: the library knows no such kind of network.
    """
    kind = str(fields.get("model_type"))
    if kind not in CONFIG_MAPPING:
        raise UserError(f"transformers knows no network of the kind {kind!r}")
    config = CONFIG_MAPPING[kind].from_dict({k: v for k, v in fields.items() if k != "model_type"})
    config.num_labels = labels
    if getattr(config, "use_pretrained_backbone", False):
        config.use_pretrained_backbone = False
    return config


def build_net(fields: Mapping[str, Any], labels: int) -> PreTrainedModel:
    """The network of a configuration with random weights; see `config_of`."""
    config = config_of(fields, labels)
    return net_class(config).from_config(config, attn_implementation="eager")


def _with_plain_masking(model: HuggingFace) -> HuggingFace:
    """A copy whose blocks know as numbers whether they mask: the exporter cannot trace a branch on a tensor."""
    copied = copy.deepcopy(model)
    probabilities = getattr(copied.net, _MASKING).tolist()
    delattr(copied.net, _MASKING)
    setattr(copied.net, _MASKING, probabilities)
    return copied


def _plain(net: Any, image_NCHW: Tensor) -> Tensor:
    return net(pixel_values=image_NCHW).logits


def _segformer(net: Any, image_NCHW: Tensor) -> Tensor:
    features = list(net.segformer(image_NCHW, output_hidden_states=True).hidden_states)
    return merged_head_scores(net.decode_head, features)


def _upernet(net: Any, image_NCHW: Tensor) -> Tensor:
    """At the head's own stride; the library upsamples to the picture's size next, which the runtime does, too."""
    return net.decode_head(net.backbone.forward_with_filtered_kwargs(image_NCHW).feature_maps)


_SCORES: Mapping[str, Callable[[Any, Tensor], Tensor]] = {"segformer": _segformer, "upernet": _upernet}


class _FoldedSegformer(nn.Module):
    """SegFormer with the head of `FoldedHead`, which gives the same scores at half of the cost."""

    def __init__(self, model: HuggingFace) -> None:
        super().__init__()
        self.model = model
        self.head = FoldedHead(model.net.decode_head)  # type: ignore[arg-type]

    def forward(self, image_NCHW: Tensor) -> Tensor:
        model = self.model
        image = image_NCHW.flip(1) if model.bgr else image_NCHW
        encoder: Any = model.net.segformer
        scores = self.head(list(encoder(image, output_hidden_states=True).hidden_states))
        return merge_channels(model.upsampled(scores), model.merge)
