"""Networks of segmentation-models-pytorch and torchvision, each by its name and the arguments it was made with."""

from collections.abc import Mapping
from typing import Any

import segmentation_models_pytorch as smp
import torchvision
from torch import Tensor, nn

from back.runtime.errors import UserError
from modelisation.models.imported.base import ImportedModel


class Smp(ImportedModel):
    """A network of segmentation-models-pytorch.

    Args:
        net: name of its class, for example `Unet`.
        arguments: that it is made with; weights of the encoder are not downloaded.
        others: see `ImportedModel`.
    """

    architecture = "smp"

    def __init__(self, num_classes: int, *, net: str, arguments: Mapping[str, Any], **others: Any) -> None:
        super().__init__(num_classes, **others)
        made = getattr(smp, net, None)
        if not (isinstance(made, type) and issubclass(made, nn.Module)):
            raise UserError(f"segmentation-models-pytorch {smp.__version__} has no network {net}")
        self.net: Any = made(**{**arguments, "encoder_weights": None, "classes": self.labels})

    def label_scores(self, image_NCHW: Tensor) -> Tensor:
        return self.upsampled(self.net(image_NCHW))

    def encoder_parts(self) -> list[nn.Module]:
        return [self.net.encoder]


class Torchvision(ImportedModel):
    """A network of torchvision at its head's own stride.

    Args:
        net: name in `torchvision.models.segmentation`.
        others: see `ImportedModel`.
    """

    architecture = "torchvision"

    def __init__(self, num_classes: int, *, net: str, **others: Any) -> None:
        super().__init__(num_classes, **others)
        known = torchvision.models.list_models(torchvision.models.segmentation)
        if net not in known:
            raise UserError(f"torchvision {torchvision.__version__} has no network {net}; it has {', '.join(known)}")
        self.net: Any = torchvision.models.get_model(
            net, weights=None, weights_backbone=None, num_classes=self.labels, aux_loss=False
        )
        self.takes_all = net.startswith("lraspp")  # its head takes two features, those of the others one

    def label_scores(self, image_NCHW: Tensor) -> Tensor:
        """The library upsamples these to the picture's size next, which the runtime does, too."""
        features = self.net.backbone(image_NCHW)
        return self.upsampled(self.net.classifier(features if self.takes_all else features["out"]))

    def encoder_parts(self) -> list[nn.Module]:
        return [self.net.backbone]
