"""A network as an ONNX file: what cannot be written is told in a sentence."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from back.runtime.errors import UserError
from modelisation.export.onnx import export_onnx


class _Branching(nn.Module):
    """Asks the pixels which way to go, which no exporter can trace."""

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return image_NCHW if image_NCHW.sum() > 0 else torch.zeros_like(image_NCHW)


def test_a_network_that_cannot_be_traced_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.onnx: PyTorch's exporter cannot write this network as ONNX: \S"):
        export_onnx(_Branching(), tmp_path / "model.onnx", 32, (32, 32), dynamic=False)
