"""DeepLabV3+ (Chen et al., ECCV 2018, arXiv:1802.02611) from segmentation-models-pytorch, any of its encoders."""

import inspect
from typing import Any

import segmentation_models_pytorch as smp
from segmentation_models_pytorch.encoders import get_preprocessing_params
from torch import Tensor, nn

from back.runtime.errors import UserError
from modelisation.models.base import SegmentationModel
from modelisation.models.pretrained import load_packaged_weights, packaged_weights, set_batch_norm_eps

PACKAGE = "package"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DeepLabV3Plus(SegmentationModel):
    """DeepLabV3+ whose scores stay at stride 4.

    smp's own head upsamples with align_corners=True; it is built with `upsampling=1` and trained through the same
    align_corners=False interpolation that the served runtime stands for.

    Args:
        num_classes: number of classes.
        encoder_name: any smp encoder that supports dilation.
        encoder_weights: `package` (weights from an installed package), a name smp knows (`imagenet`: downloads),
            or None for random.
        encoder_output_stride: 16, or 8 for finer features at several times the cost. Sides of pictures are multiples
            of it: with 16 in place of the usual 32 one of 480x360 is padded to 480x368, not to 480x384, which is 4 %
            of the network's time.
        encoder_batch_norm_eps: epsilon of the encoder's batch norms; by default that of the packaged weights, or the
            library's own where none are loaded.
        decoder: further arguments of `smp.DeepLabV3Plus`, for example `decoder_channels`.
    """

    architecture = "deeplabv3plus"
    smallest_batch = 2  # the pooled picture has one pixel, and a batch norm needs two values

    def __init__(
        self,
        num_classes: int,
        *,
        encoder_name: str = "timm-tf_efficientnet_lite0",
        encoder_weights: str | None = PACKAGE,
        encoder_output_stride: int = 16,
        encoder_batch_norm_eps: float | None = None,
        **decoder: Any,
    ) -> None:
        super().__init__(num_classes)
        unknown = sorted(decoder.keys() - inspect.signature(smp.DeepLabV3Plus.__init__).parameters.keys())
        if unknown and not encoder_name.startswith("tu-"):  # smp hands them to timm's encoders, and drops them else
            raise UserError(f"smp's DeepLabV3Plus has no {', '.join(unknown)}; change the recipe's build")
        packaged = packaged_weights(encoder_name) if encoder_weights == PACKAGE else None
        self.net = smp.DeepLabV3Plus(
            encoder_name,
            encoder_weights=None if packaged else encoder_weights,
            encoder_output_stride=encoder_output_stride,
            classes=num_classes,
            upsampling=1,
            **decoder,
        )
        # smp asks for multiples of 32 even where its encoder goes down to 16 or 8 alone.
        self.net.requires_divisible_input_shape = False
        self.size_multiple = encoder_output_stride
        if packaged:
            load_packaged_weights(self.net.encoder, packaged)
            encoder_batch_norm_eps = encoder_batch_norm_eps or packaged.batch_norm_eps
            self.mean, self.std = packaged.mean, packaged.std
            self.initialisation = f"encoder: ImageNet from {packaged.package} ({packaged.licence})"
        elif encoder_weights is None:
            # smp would ask the hub for these even where no weights are wanted.
            self.mean, self.std = IMAGENET_MEAN, IMAGENET_STD
            self.initialisation = "encoder: random"
        else:
            params = get_preprocessing_params(encoder_name, pretrained=encoder_weights)
            self.mean, self.std = tuple(params["mean"]), tuple(params["std"])
            self.initialisation = f"encoder: {encoder_weights}"
        if encoder_batch_norm_eps is not None:
            set_batch_norm_eps(self.net.encoder, encoder_batch_norm_eps)
            self.structure = {"encoder_batch_norm_eps": encoder_batch_norm_eps}
        # The encoder's classification head is never run; without it the weights file and the optimiser are smaller.
        for name in ("conv_head", "bn2"):
            if hasattr(self.net.encoder, name):
                setattr(self.net.encoder, name, nn.Identity())

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return self.net(image_NCHW)

    def encoder_layers(self) -> list[list[nn.Module]]:
        """The encoder's parts in smp's order: each convolution of the stem, then each stage or block, is a layer."""
        parts = self.net.encoder
        while len(children := list(parts.children())) == 1:  # some encoders are wrapped
            (parts,) = children
        layers: list[list[nn.Module]] = []
        for child in children:
            for part in child if isinstance(child, nn.ModuleList | nn.Sequential) and len(child) else [child]:
                if any(parameter.ndim > 1 for parameter in part.parameters()) or not layers:
                    layers.append([part])
                else:  # a norm or an activation belongs to the convolution before it
                    layers[-1].append(part)
        return layers
