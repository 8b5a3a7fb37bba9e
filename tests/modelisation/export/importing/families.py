"""Small random networks of each family, saved as their library saves them: no hub can be reached where tests run."""

import json
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import torch
import torchvision
import transformers as hf
from safetensors.torch import save_file

from modelisation.data.class_sets import class_set

ATTENTION = {"num_hidden_layers": 4, "num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 32}
SWIN = {
    "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}  # fmt: skip
_GAINS = {"classifier.weight": 30.0, "class_predictor.weight": 30.0, "head.head.4.weight": 1e6}
CITYSCAPES = class_set("cityscapes19").taxonomy.names


def save(kind: str, folder: Path, names: tuple[str, ...] = CITYSCAPES, **processor: Any) -> Path:
    """A network of a family with random weights and its image processor, as `save_pretrained` writes them."""
    torch.manual_seed(1)
    config = _CONFIGS[kind](len(names))
    config.id2label = dict(enumerate(names))
    config.label2id = {name: i for i, name in config.id2label.items()}
    net = _NETS[kind](config)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            # Random ones are unsure of everything, and rounding would decide; DPT's scores differ by a millionth.
            weight *= next((gain for last, gain in _GAINS.items() if name.endswith(last)), 1)
    net.save_pretrained(folder)
    size = _SIZES.get(kind, {"height": 96, "width": 128})
    _PROCESSORS.get(kind, hf.SegformerImageProcessor)(**{"size": size, **processor}).save_pretrained(folder)
    if kind == "oneformer":
        hf.CLIPTokenizer().save_pretrained(folder)
    return folder


def save_unet(folder: Path) -> Path:
    """A small Unet of segmentation-models-pytorch with 19 channels, as its `save_pretrained` writes it."""
    torch.manual_seed(0)
    smp.Unet("timm-mobilenetv3_small_minimal_100", encoder_weights=None, classes=19).save_pretrained(folder)
    return folder


def save_deeplab(folder: Path, upsampling: int) -> Path:
    """A small DeepLabV3+ of segmentation-models-pytorch, 19 channels, with scores at stride 4 / `upsampling`."""
    torch.manual_seed(0)
    net = smp.DeepLabV3Plus("resnet18", encoder_weights=None, decoder_channels=16, upsampling=upsampling, classes=19)
    net.save_pretrained(folder)
    return folder


def save_lraspp(folder: Path) -> Path:
    """A file with the weights of torchvision's LRASPP of 19 channels; with the same as a pickle beside it."""
    torch.manual_seed(0)
    net = torchvision.models.segmentation.lraspp_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=19
    )
    file = folder / "net.safetensors"
    save_file(net.state_dict(), file)
    torch.save(net.state_dict(), file.with_suffix(".pth"))
    return file


def change_json(path: Path, **fields: Any) -> None:
    """Replace fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


def _segformer(labels: int) -> Any:
    return hf.SegformerConfig(
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 4],
        decoder_hidden_size=16,
        num_labels=labels,
    )


def _upernet(labels: int) -> Any:
    backbone = hf.ConvNextConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], out_features=["stage1", "stage2", "stage3", "stage4"]
    )
    return hf.UperNetConfig(
        backbone_config=backbone, hidden_size=16, auxiliary_in_channels=24, auxiliary_channels=8, num_labels=labels
    )


def _dpt(labels: int) -> Any:
    return hf.DPTConfig(
        **ATTENTION,
        image_size=64,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        use_auxiliary_head=False,
        num_labels=labels,
    )


def _beit(labels: int) -> Any:
    return hf.BeitConfig(
        **ATTENTION,
        image_size=64,
        patch_size=16,
        out_indices=[1, 2, 3, 4],
        use_relative_position_bias=True,
        use_auxiliary_head=False,
        num_labels=labels,
    )


def _mask2former(labels: int) -> Any:
    return hf.Mask2FormerConfig(
        backbone_config=hf.SwinConfig(**SWIN),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=16,
        num_queries=20,
        num_labels=labels,
    )


def _oneformer(labels: int) -> Any:
    return hf.OneFormerConfig(
        backbone_config=hf.SwinConfig(**SWIN),
        conv_dim=32,
        mask_dim=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=3,
        num_attention_heads=2,
        dim_feedforward=16,
        num_queries=20,
        query_dec_layers=1,
        is_training=False,
        num_labels=labels,
    )


def _eomt(labels: int) -> Any:
    return hf.EomtConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=64,
        patch_size=16,
        num_blocks=1,
        num_queries=10,
        num_upscale_blocks=2,
        num_labels=labels,
    )


_SIZES = {"beit": {"height": 64, "width": 64}, "eomt": {"shortest_edge": 64, "longest_edge": 64}}
_CONFIGS = {
    "segformer": _segformer,
    "upernet": _upernet,
    "dpt": _dpt,
    "beit": _beit,
    "mask2former": _mask2former,
    "oneformer": _oneformer,
    "eomt": _eomt,
}
_NETS: dict[str, Any] = {
    "segformer": hf.SegformerForSemanticSegmentation,
    "upernet": hf.UperNetForSemanticSegmentation,
    "dpt": hf.DPTForSemanticSegmentation,
    "beit": hf.BeitForSemanticSegmentation,
    "mask2former": hf.Mask2FormerForUniversalSegmentation,
    "oneformer": hf.OneFormerForUniversalSegmentation,
    "eomt": hf.EomtForUniversalSegmentation,
}
_PROCESSORS: dict[str, Any] = {
    "dpt": hf.DPTImageProcessor,
    "beit": hf.BeitImageProcessor,
    "mask2former": hf.Mask2FormerImageProcessor,
    "oneformer": hf.OneFormerImageProcessor,
    "eomt": hf.EomtImageProcessor,
}
