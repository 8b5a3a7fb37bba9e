"""From the bytes of a photo to the network's input tensor. Training, evaluation and serving all come through here."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from back.runtime.card import InputContract
from back.runtime.headers.base import ImageError, damaged
from back.runtime.headers.exif import SWAPS_SIDES, UPRIGHT
from back.runtime.headers.png import check_rows
from back.runtime.headers.read import read_header
from back.runtime.heif_decoder import decode_heif
from back.runtime.jpeg_decoder import refuse_missing_pixels

UInt8Array = npt.NDArray[np.uint8]

_PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin)  # imported here, so that no request pays for it
# For files of one's own, which may have more pixels than an upload. Above twice its warning's limit Pillow refuses.
MAX_FILE_PIXELS = 178_000_000
_FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Up to here our own loops resize a photo, if it is not taller than wide. They take it as a copy: beyond, Pillow needs
# less memory. Taller ones Pillow may resize down first and then across, as it deems quicker, which the loops do not.
_COPIED_PIXELS = 1 << 22
# Strips in which 16-bit pictures are brought to 8 bit: whole, one of 64 megapixels would take a gigabyte.
_STRIP_ROWS = 256


@dataclass(frozen=True)
class ResizePlan:
    """Size of the resized photo inside the network's input, and of the input itself, in pixels."""

    height: int
    width: int
    padded_height: int
    padded_width: int


@dataclass(frozen=True)
class Photo:
    """A decoded photo of `height` x `width` pixels: upright RGB, possibly of fewer pixels than the photo.

    Attributes:
        pixels: uint8 [h, w, 3] or a Pillow picture, as whoever decoded it gives it.
    """

    pixels: "Image.Image | UInt8Array"
    height: int
    width: int

    @cached_property
    def image(self) -> Image.Image:
        """As a Pillow picture."""
        return self.pixels if isinstance(self.pixels, Image.Image) else Image.fromarray(self.pixels)


# From a photo's height and width to the height and width that its reader needs.
NeededSize = Callable[[int, int], tuple[int, int]]


def open_photo(data: bytes, max_pixels: int, needed: NeededSize | None = None) -> Photo:
    """Decode a JPEG, PNG, WEBP, HEIC or AVIF into upright RGB: the one way for training, evaluation and serving.

    What a browser shows, but for transparency, which is dropped, and colour profiles, which are ignored: of 16 bits
    the high byte, CMYK by Adobe's convention, turned as `back.runtime.headers.exif` says. A picture is whole or
    refused. The size is read from the header, so that a small file that unpacks to gigabytes costs nothing.

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
    return Photo(*_open(data, max_pixels, needed))


def decode_image(data: bytes, max_pixels: int) -> UInt8Array:
    """`open_photo` as an array: uint8 [height, width, 3] RGB. Raises ImageError."""
    return np.asarray(_open(data, max_pixels, None)[0])


def _open(data: bytes, max_pixels: int, needed: NeededSize | None) -> tuple[Image.Image | UInt8Array, int, int]:
    """The picture, as whatever its decoder gives, and the photo's height and width; see `open_photo`."""
    from back.runtime.png_decoder import decode_rgb  # numba, for which no command's help should wait

    header = read_header(data)
    if header.width * header.height > max_pixels:
        raise ImageError(_too_large_sentence(f"{header.width} x {header.height} pixels", max_pixels), 413)
    turn = UPRIGHT.get(header.orientation)
    stored = (header.width, header.height)
    width, height = stored if turn not in SWAPS_SIDES else stored[::-1]
    if header.format in ("HEIF", "AVIF"):
        image_rgb = decode_heif(data)
        return image_rgb if turn is None else image_rgb.transpose(turn), height, width
    try:
        file = header.decodable()
        if header.format == "PNG" and turn is None and (pixels_HWC := decode_rgb(file)) is not None:
            return pixels_HWC, height, width
        image = Image.open(io.BytesIO(file), formats=[header.format])
        # All at once. In pieces, a decoder that waits for the end of a row of fill bytes starts over with each, and
        # a PNG whose rows end with a piece is not held against its checksum.
        image.decodermaxblock = len(file)
        if getattr(image, "is_animated", False):
            raise ImageError("The image is an animation; send a single picture.", 415)
        if needed is not None:
            needed_height, needed_width = needed(height, width)
            size = (needed_width, needed_height)
            image.draft(None, size if turn not in SWAPS_SIDES else size[::-1])
        if header.format == "JPEG":
            refuse_missing_pixels(image)
        image.load()
    except (ImageError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large_sentence("hundreds of megapixels", max_pixels), 413) from error
    # A damaged file makes decoders fail in many ways (OSError, SyntaxError, struct.error, IndexError, zlib.error, …);
    # to its sender all of them mean the same.
    except Exception as error:
        raise damaged("its pixels cannot be decoded") from error
    if header.format == "PNG":
        check_rows(data, image)
    image_rgb = _to_rgb(image)
    return image_rgb if turn is None else image_rgb.transpose(turn), height, width


def _too_large_sentence(size: str, max_pixels: int) -> str:
    return f"The image has {size}, more than the {max_pixels / 1e6:g} megapixels allowed; send a smaller version."


def _to_rgb(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image if image.mode == "RGB" else image.convert("RGB")
    # 16-bit grey: Pillow's own conversion clips at 255 where the high byte is wanted, as for 16-bit colours.
    grey = Image.new("L", image.size)
    for top in range(0, image.height, _STRIP_ROWS):
        strip_HW = np.asarray(image.crop((0, top, image.width, min(image.height, top + _STRIP_ROWS))))
        grey.paste(Image.fromarray((strip_HW >> 8).astype(np.uint8)), (0, top))
    image.close()  # two bytes a pixel less while the four of RGB are made
    return grey.convert("RGB")


def count_pixels(file: BinaryIO, needed: NeededSize | None = None) -> tuple[int, int]:
    """Pixels of a photo, and at most how many of them `open_photo` would hold; from the header, 0 for no picture."""
    try:
        header = read_header(file.read())
    except ImageError:  # `open_photo` says what is wrong
        return 0, 0
    pixels = header.width * header.height
    if header.format in ("HEIF", "AVIF"):
        return pixels, 4 * pixels  # what the process that decodes them takes, too
    if needed is None or header.format != "JPEG":
        return pixels, pixels
    turned = UPRIGHT.get(header.orientation) in SWAPS_SIDES
    needed_height, needed_width = needed(
        *((header.width, header.height) if turned else (header.height, header.width))
    )
    # Scaled decoding stops less than a factor of two above what is needed, in each direction.
    return pixels, min(pixels, 4 * needed_height * needed_width)


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
    budget = contract.pixels_for(height, width) if pixel_budget is None else pixel_budget
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
    from back.runtime.resize_numba import resize_bilinear  # numba, for which no command's help should wait

    height, width = image.shape[:2] if isinstance(image, np.ndarray) else (image.height, image.width)
    same = (height, width) == (plan.height, plan.width)
    if same and (plan.padded_height, plan.padded_width) == (plan.height, plan.width):
        return np.asarray(image)
    padded_HWC = np.empty((plan.padded_height, plan.padded_width, 3), np.uint8)
    inside_HWC = padded_HWC[: plan.height, : plan.width]
    mean = np.rint(np.asarray(contract.mean) * 255).clip(0, 255).astype(np.uint8)
    padded_HWC[plan.height :], padded_HWC[: plan.height, plan.width :] = mean, mean
    if same:
        inside_HWC[:] = np.asarray(image)
    elif contract.resize_filter == "bilinear" and height <= width and height * width <= _COPIED_PIXELS:
        resize_bilinear(np.ascontiguousarray(np.asarray(image)), inside_HWC)
    else:
        photo = image if isinstance(image, Image.Image) else Image.fromarray(image)
        inside_HWC[:] = np.asarray(photo.resize((plan.width, plan.height), _FILTERS[contract.resize_filter]))
    return padded_HWC
