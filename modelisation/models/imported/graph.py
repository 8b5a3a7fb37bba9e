"""A network that is known by its ONNX graph alone: it is run and measured, and cannot be trained."""

from pathlib import Path

import torch
from torch import Tensor, nn

from back.runtime.card import ONNX_FILE, InputContract, read_card
from back.runtime.engines.base import INPUT_NAME, OUTPUT_NAME
from modelisation.models.base import SegmentationModel


class GraphModel(SegmentationModel):
    """A bundle's graph in ONNX Runtime behind the interface of networks in PyTorch.

    Args:
        path: the ONNX file, with the input and the output of a bundle.
        num_classes: number of classes.
        contract: of its input.
    """

    architecture = "onnx"

    def __init__(self, path: Path, num_classes: int, contract: InputContract) -> None:
        super().__init__(num_classes)
        self.mean, self.std = contract.mean, contract.std
        self.score_stride, self.size_multiple = contract.score_stride, contract.stride
        import onnxruntime  # slow to import, and no training needs it

        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.nothing = nn.Parameter(torch.zeros(0))  # what asks a network for its device finds one

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return torch.from_numpy(self.session.run([OUTPUT_NAME], {INPUT_NAME: image_NCHW.numpy()})[0])

    def encoder_layers(self) -> list[list[nn.Module]]:
        return []


def graph_of(bundle: Path) -> GraphModel:
    """The graph of a bundle.

    Raises:
        BundleError: the folder is none.
    """
    card = read_card(bundle)
    return GraphModel(bundle / ONNX_FILE, len(card.taxonomy.classes), card.input).eval()
