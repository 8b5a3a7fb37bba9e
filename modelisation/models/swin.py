"""Swin backbones (Liu et al., ICCV 2021, arXiv:2103.14030) of transformers: their sizes, and a stem."""

from collections.abc import Mapping
from typing import Any

from torch import nn
from transformers import SwinConfig

from back.runtime.errors import UserError

# Section 3.3 of the paper, and one size of our own for processors, which learns too little as it is to drop paths;
# windows as in Mask2Former's own configurations.
SIZES: dict[str, dict[str, Any]] = {
    "swin-nano": {"embed_dim": 32, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 6,
                  "mlp_ratio": 3.0, "drop_path_rate": 0.0},
    "swin-tiny": {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "window_size": 7},
    "swin-small": {"embed_dim": 96, "depths": [2, 2, 18, 2], "num_heads": [3, 6, 12, 24], "window_size": 7},
    "swin-base": {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32], "window_size": 12},
    "swin-large": {"embed_dim": 192, "depths": [2, 2, 18, 2], "num_heads": [6, 12, 24, 48], "window_size": 12},
}  # fmt: skip
_STAGES = ["stage1", "stage2", "stage3", "stage4"]


def swin_config(size: str, changes: Mapping[str, Any]) -> SwinConfig:
    """The configuration of a backbone that gives its four stages.

    Args:
        size: one of `SIZES`.
        changes: fields of `SwinConfig` in place of that size's.

    Raises:
        UserError: a field is unknown.
    """
    if unknown := sorted(changes.keys() - SwinConfig().to_dict().keys()):
        raise UserError(f"transformers' SwinConfig has no {', '.join(unknown)}; change the recipe's build")
    # Drop path as in Mask2Former's own configurations.
    fields: dict[str, Any] = {"drop_path_rate": 0.3, "out_features": _STAGES} | SIZES[size] | dict(changes)
    return SwinConfig(**fields)


def convolutional_stem(width: int) -> nn.Module:
    """Pictures to patches [N, width, H / 4, W / 4] by two convolutions of stride 2 in place of one of stride 4.

    Small transformers learn faster with it (Xiao et al., NeurIPS 2021, arXiv:2106.14881).
    """
    return nn.Sequential(
        nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width // 2),
        nn.GELU(),
        nn.Conv2d(width // 2, width, 3, stride=2, padding=1),
    )
