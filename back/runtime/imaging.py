"""From the bytes of a photo to the network's input tensor. Training, evaluation and serving all come through here."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin

from back.runtime.card import InputContract

UInt8Array = npt.NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP")
_PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin)  # imported here, so that no request pays for it
_FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = {_UPRIGHT[orientation] for orientation in (5, 6, 7, 8)}


class ImageError(ValueError):
    """A photo that cannot be used; `status` is the HTTP status that fits (400 damaged, 413 too large, 415 type)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class ResizePlan:
    """Size of the resized photo inside the network's input, and of the input itself, in pixels."""

    height: int
    width: int
    padded_height: int
    padded_width: int


@dataclass(frozen=True)
class Photo:
    """A decoded photo of `height` x `width` pixels: upright RGB, `image` possibly of fewer pixels than the photo."""

    image: Image.Image
    height: int
    width: int


# From a photo's height and width to the height and width that its reader needs.
NeededSize = Callable[[int, int], tuple[int, int]]


def open_photo(data: bytes, max_pixels: int, needed: NeededSize | None = None) -> Photo:
    """Decode a JPEG, PNG or WEBP into an upright RGB picture; transparency is dropped.

    The size is read from the header, so that a small file that unpacks to gigabytes costs nothing.

    Args:
        data: the whole file.
        max_pixels: largest allowed height x width.
        needed: where given, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, the smallest that is still as large as
            `needed` says (libjpeg's scaled inverse DCT). Decoding and resizing to the bundled models' input takes 18
            ms of processor time at 2048x1024 in place of 33 and 28 in place of 153 at 4000x3000 (Intel Xeon, medians
            of 15 interleaved rounds). A mask changes by less than a percent of its pixels, mIoU by less than the gate
            allows (docs/performance.md).

    Raises:
        ImageError: empty, of another type, animated, too large, truncated or damaged.
    """
    if not data:
        raise ImageError("The image is empty; send the bytes of a JPEG, PNG or WEBP file.", 400)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_header(image, max_pixels)
        turn = _UPRIGHT.get(_orientation(image))
        width, height = image.size if turn not in _SWAPS_SIDES else image.size[::-1]
        if needed is not None:
            needed_height, needed_width = needed(height, width)
            size = (needed_width, needed_height)
            image.draft(None, size if turn not in _SWAPS_SIDES else size[::-1])
        image.load()
        image_rgb = _to_rgb(image)
        return Photo(image_rgb if turn is None else image_rgb.transpose(turn), height, width)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        if _looks_supported(data):
            raise ImageError(_DAMAGED, 400) from error
        raise ImageError("This is not a JPEG, PNG or WEBP image; convert it to one of them.", 415) from error
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large("hundreds of megapixels", max_pixels), 413) from error
    # A damaged file makes decoders fail in many ways (OSError, SyntaxError, struct.error, IndexError, zlib.error, …);
    # to its sender all of them mean the same.
    except Exception as error:
        raise ImageError(_DAMAGED, 400) from error


_DAMAGED = "The image file is damaged or cut off; save or upload it again."


def _too_large(size: str, max_pixels: int) -> str:
    return f"The image has {size}, more than the {max_pixels / 1e6:g} megapixels allowed; send a smaller version."


def _check_header(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(_too_large(f"{width} x {height} pixels", max_pixels), 413)
    # A JPEG with several pictures (MPO: a phone's preview, a depth map) is a photo: the first picture is meant.
    if image.format in ("PNG", "WEBP") and getattr(image, "is_animated", False):
        raise ImageError("The image is an animation; send a single picture.", 415)


def _looks_supported(data: bytes) -> bool:
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or data[:4] + data[8:12] == b"RIFFWEBP"


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion clips at 255 where we want the high byte
        grey = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
        return grey.convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # broken EXIF is common in real photos and no reason to refuse the picture
        return 1


def count_pixels(file: BinaryIO, needed: NeededSize | None = None) -> tuple[int, int]:
    """Pixels of a photo, and at most how many of them `open_photo` would hold; from the header, 0 for no picture."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            # MPO is a JPEG with several pictures, as phones make them.
            if needed is None or image.format not in ("JPEG", "MPO"):
                return width * height, width * height
            needed_height, needed_width = needed(height, width)
            # Scaled decoding stops less than a factor of two above what is needed, in each direction.
            return width * height, min(width * height, 4 * needed_height * needed_width)
    except Exception:  # of many kinds, like damaged files; `open_photo` says what is wrong
        return 0, 0


def decode_image(data: bytes, max_pixels: int) -> UInt8Array:
    """`open_photo` as an array: uint8 [height, width, 3] RGB. Raises ImageError."""
    return np.asarray(open_photo(data, max_pixels).image)


def plan_resize(height: int, width: int, contract: InputContract, pixel_budget: int | None) -> ResizePlan:
    """Choose the network's input size for a photo of `height` x `width` pixels.

    The aspect is kept: both sides are scaled, up or down, by sqrt(budget / (height * width)). A strip so thin that
    padding it to the stride would cost more than twice the budget is scaled down further. A contract with
    `fixed_size` fits the photo inside that size instead.

    Args:
        pixel_budget: pixels of the resized photo; None takes the contract's.
    """
    if height < 1 or width < 1:
        raise ValueError(f"a photo of {height} x {width} pixels has no content")
    if contract.fixed_size is not None:
        padded_height, padded_width = contract.fixed_size
        scale = min(padded_height / height, padded_width / width)
        return ResizePlan(
            min(padded_height, max(1, round(height * scale))),
            min(padded_width, max(1, round(width * scale))),
            padded_height,
            padded_width,
        )
    budget = contract.pixel_budget if pixel_budget is None else pixel_budget
    stride = contract.stride
    longest = max(stride, 2 * budget // stride)
    scale = min(math.sqrt(budget / (height * width)), longest / max(height, width))
    new_height, new_width = max(1, round(height * scale)), max(1, round(width * scale))
    return ResizePlan(new_height, new_width, -(-new_height // stride) * stride, -(-new_width // stride) * stride)


def to_input(image: UInt8Array | Image.Image, plan: ResizePlan, contract: InputContract) -> UInt8Array:
    """Resize a photo with the contract's filter and pad it right and bottom with the rounded mean colour.

    Args:
        image: RGB photo, uint8 [height, width, 3] or a Pillow picture.

    Returns:
        uint8 [padded_height, padded_width, 3], RGB in 0..255; the engine normalises it.
    """
    photo = image if isinstance(image, Image.Image) else Image.fromarray(image)
    size = (plan.width, plan.height)
    if photo.size != size:
        photo = photo.resize(size, _FILTERS[contract.resize_filter])
    if (plan.padded_height, plan.padded_width) == (plan.height, plan.width):
        return np.asarray(photo)
    padded_HWC = np.empty((plan.padded_height, plan.padded_width, 3), np.uint8)
    padded_HWC[:] = np.rint(np.asarray(contract.mean) * 255).clip(0, 255).astype(np.uint8)
    padded_HWC[: plan.height, : plan.width] = np.asarray(photo)
    return padded_HWC
