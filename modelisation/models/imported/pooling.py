"""Pooling to a grid of bins, in a form that is exported with open sizes.

The exporter writes a graph of `AdaptiveAvgPool2d` that fails at other sizes than the traced one. UperNet and
BEiT have it in their pyramid pooling.
"""

import torch
from torch import Tensor, nn


class BinPool(nn.Module):
    """What `nn.AdaptiveAvgPool2d(bins)` gives, as two products with matrices of shares."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins

    def forward(self, image_NCHW: Tensor) -> Tensor:
        """Means [N, C, bins, bins] of an image [N, C, H, W]."""
        rows_BH = self._shares(image_NCHW.shape[-2], image_NCHW)
        columns_BW = self._shares(image_NCHW.shape[-1], image_NCHW)
        return rows_BH @ image_NCHW @ columns_BW.T

    def _shares(self, size: int, like: Tensor) -> Tensor:
        """[bins, size]: what each position gives to each bin; bins may overlap."""
        bins = torch.arange(self.bins, device=like.device)[:, None]
        positions = torch.arange(size, device=like.device)[None]
        first = bins * size // self.bins
        behind = ((bins + 1) * size + self.bins - 1) // self.bins
        return ((positions >= first) & (positions < behind)).to(like.dtype) / (behind - first).to(like.dtype)


def use_bin_pools(net: nn.Module) -> None:
    """Let every adaptive pooling to a square grid of more than one bin in a network be a `BinPool`."""
    for module in net.modules():
        for name, child in module.named_children():
            bins = child.output_size if isinstance(child, nn.AdaptiveAvgPool2d) else None
            if isinstance(bins, int) and bins > 1:
                pool = BinPool(bins)
                setattr(module, name, pool)
                if isinstance(layers := getattr(module, "layers", None), list):  # UperNet runs a list of its own
                    layers[layers.index(child)] = pool
