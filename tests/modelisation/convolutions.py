"""An architecture of three convolutions: it trains and exports ten times as fast as the smallest of the real ones."""

from torch import Tensor, nn

from modelisation.models import ARCHITECTURES
from modelisation.models.base import SegmentationModel


class Convolutions(SegmentationModel):
    """For tests of what surrounds a network: runs, checkpoints, exports, searches.

    Args:
        num_classes: number of classes.
        width: channels of the layer before the scores.
    """

    architecture = "convolutions"
    size_multiple = 4
    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(self, num_classes: int, *, width: int = 16) -> None:
        super().__init__(num_classes)
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, width, 3, 2, 1)
        )
        self.head = nn.Conv2d(width, num_classes, 1)
        self.initialisation = "random"

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.head(self.encoder(image_NCHW).relu())

    def encoder_layers(self) -> list[list[nn.Module]]:
        return [[self.encoder]]


def make_known() -> None:
    """Let recipes and cards name it, as a new architecture's line in `modelisation/models/__init__.py` would."""
    ARCHITECTURES[Convolutions.architecture] = Convolutions
