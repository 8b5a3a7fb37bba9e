"""What the tutorials do around a network: resize and normalise with NumPy, interpolate, argmax, colour, RGB PNG."""

import io

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from back.runtime.card import Card
from back.runtime.masks.colour import palette_of

UInt8Array = npt.NDArray[np.uint8]


class UsualSteps:
    """Preparation and post-processing for one model; `size` is height and width of the network's input."""

    def __init__(self, card: Card) -> None:
        self._mean = np.array(card.input.mean, np.float32)
        self._std = np.array(card.input.std, np.float32)
        self._palette = palette_of(card.taxonomy)

    def prepare(self, data: bytes, size: tuple[int, int]) -> tuple[npt.NDArray[np.float32], tuple[int, int]]:
        """The normalised float32 [1, 3, height, width] of a photo, and the photo's own height and width."""
        photo = Image.open(io.BytesIO(data)).convert("RGB")
        return self.normalise(np.asarray(photo), size), (photo.height, photo.width)

    def normalise(self, image_HWC: UInt8Array, size: tuple[int, int]) -> npt.NDArray[np.float32]:
        """The normalised float32 [1, 3, height, width] of a decoded photo, resized to `size`."""
        resized = Image.fromarray(image_HWC).resize((size[1], size[0]), Image.Resampling.BILINEAR)
        pixels = (np.asarray(resized, np.float32) / 255 - self._mean) / self._std
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])

    def finish(self, scores_NCHW: torch.Tensor, photo_size: tuple[int, int]) -> bytes:
        """Scores to the bytes of an RGB PNG of the photo's size."""
        upsampled = F.interpolate(scores_NCHW, size=photo_size, mode="bilinear", align_corners=False)
        return self.colour(upsampled.argmax(1)[0].numpy().astype(np.uint8))

    def colour(self, labels_HW: UInt8Array) -> bytes:
        """Labels to the bytes of an RGB PNG."""
        buffer = io.BytesIO()
        Image.fromarray(self._palette[labels_HW]).save(buffer, "PNG")
        return buffer.getvalue()


def labels_of(png: bytes, palette: UInt8Array) -> UInt8Array:
    """The class ids of a mask, palette or RGB; a colour that no class has becomes 255."""
    with Image.open(io.BytesIO(png)) as mask:
        pixels = np.asarray(mask)
    if pixels.ndim == 2:
        return pixels
    labels_HW = np.full(pixels.shape[:2], 255, np.uint8)
    for label, colour in enumerate(palette):
        labels_HW[(pixels == colour).all(-1)] = label
    return labels_HW
