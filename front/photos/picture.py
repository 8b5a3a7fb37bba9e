"""From the bytes of a photo to what is seen: its size, its upright pixels, a small preview.

The API decodes photos on its own, in the same way: a test holds the two side by side. For a preview one photo is
decoded at a time, in one copy, and a JPEG only to about the size that is shown. HEIC and AVIF are decoded by the API
alone, which bounds what their decoders may do; it sends a JPEG in place of them, see `needs_api`.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
from PIL import Image

from front.photos import png
from front.photos.exif import swaps_sides, upright_turn

FORMATS = ("JPEG", "PNG", "WEBP")
EXTENSIONS = ("jpg", "jpeg", "png", "webp", "heic", "heif", "avif")
ACCEPTED = "JPEG, PNG, WEBP, HEIC or AVIF"
DISPLAY_SIDE = 1600
# Above this a preview is not attempted: decoding a PNG costs four bytes a pixel.
MAX_PIXELS = 120_000_000
_DECODING = Lock()
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"))


class PhotoError(ValueError):
    """A file that cannot be shown; the text says why and what to do."""


def needs_api(data: bytes) -> bool:
    """Whether a file is a HEIC or AVIF by its first bytes, as far as these tell; the API knows better."""
    brands = {data[i : i + 4] for i in (8, *range(16, min(int.from_bytes(data[:4], "big"), 256) - 3, 4))}
    return data[4:8] == b"ftyp" and not _HEIF_BRANDS.isdisjoint(brands)


def size_of(name: str, data: bytes) -> tuple[int, int]:
    """Width and height as seen, from the file's header.

    Raises:
        PhotoError: not an image that can be read, or too many pixels to preview.
    """
    with _opened(name, data) as image:
        return image.size[::-1] if swaps_sides(upright_turn(image)) else image.size


def upright_pixels(name: str, data: bytes) -> Image.Image:
    """The whole photo, upright and RGB; transparency is dropped, as the API does.

    Raises:
        PhotoError: damaged, or see `size_of`.
    """
    with _DECODING, _opened(name, data) as image:
        turn = upright_turn(image)
        image.load()  # an RGB picture is returned itself, and its file is closed here
        rgb = _rgb(image)
        return rgb if turn is None else rgb.transpose(turn)


def preview_of_file(name: str, data: bytes, side: int = DISPLAY_SIDE) -> bytes:
    """A JPEG of the photo at `display_size`, upright.

    Raises:
        PhotoError: damaged, or see `size_of`.
    """
    with _DECODING, _opened(name, data) as image:
        turn = upright_turn(image)
        size = display_size(*image.size, side)
        # The size as the file stores it: asked for a square, the decoder takes the smallest scale that fills it.
        image.draft("RGB", size)
        # Turned when it is small: until then there is one copy of all pixels, four bytes each.
        small = _rgb(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        out = io.BytesIO()
        (small if turn is None else small.transpose(turn)).save(out, "JPEG", quality=88)
        return out.getvalue()


def display_size(width: int, height: int, side: int = DISPLAY_SIDE) -> tuple[int, int]:
    """The size shown: at most `side` pixels long, never enlarged."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink_map(grey_png: bytes, size: tuple[int, int]) -> bytes:
    """A grey class-id PNG at display size; ids stay ids (nearest pixel)."""
    with Image.open(io.BytesIO(grey_png)) as image:
        if image.mode != "L":
            raise PhotoError("the API sent a class map that is not 8-bit grey; update the API")
        small = image if image.size == size else image.resize(size, Image.Resampling.NEAREST)
        out = io.BytesIO()
        small.save(out, "PNG", compress_level=3)
    return out.getvalue()


def shrink_confidence(grey_png: bytes, size: tuple[int, int]) -> bytes:
    """A 16-bit confidence PNG at display size in 8 bit, 255 is certain; the pixels are those of `shrink_map`."""
    with Image.open(io.BytesIO(grey_png)) as image:
        if image.mode != "I;16":
            raise PhotoError("the API sent a confidence that is not 16-bit grey; update the API")
        # Resized in 8 bit, as class ids are: of 16 bits Pillow may take a neighbour.
        small = Image.fromarray(np.rint(np.asarray(image) / np.float32(257)).astype(np.uint8))
    if small.size != size:
        small = small.resize(size, Image.Resampling.NEAREST)
    out = io.BytesIO()
    small.save(out, "PNG", compress_level=1)
    return out.getvalue()


@contextmanager
def _opened(name: str, data: bytes) -> Iterator[Image.Image]:
    """The picture, not yet decoded; whatever goes wrong with it, then or later, becomes a sentence."""
    is_png = data.startswith(png.SIGNATURE)
    known = is_png or data.startswith(b"\xff\xd8\xff") or data[:4] + data[8:12] == b"RIFFWEBP"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS decides
            image = Image.open(io.BytesIO(png.keep_picture(data) if is_png else data), formats=FORMATS)
        with image:
            _check_size(name, image)
            yield image
    except PhotoError:
        raise
    except Image.DecompressionBombError:
        raise PhotoError(f"{name} has far too many pixels. Scale it down and try again.") from None
    except Exception as error:  # damaged files make decoders fail in many ways, and all mean the same
        if known:
            raise PhotoError(f"{name} is damaged and cannot be shown. Save it again or take another copy.") from error
        raise PhotoError(f"{name} is not an image that can be read. Use a {ACCEPTED} file.") from error


def _check_size(name: str, image: Image.Image) -> None:
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise PhotoError(
            f"{name} has {pixels / 1e6:.0f} megapixels; the dashboard shows at most {MAX_PIXELS / 1e6:.0f}. "
            "Scale it down and try again."
        )


def _rgb(image: Image.Image) -> Image.Image:
    """RGB, with 16-bit grey brought to 8 bit and without transparency."""
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255 where we want the high byte
        grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
