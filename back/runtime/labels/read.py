"""Read a label PNG: one function for training, evaluation, the doctor and the API.

What counts is the value that a pixel has by the PNG standard, not the form in which a program stored it: grey of 1,
2, 4, 8 or 16 bits a pixel, a palette, or colour channels that are equal, all give the same ids. The file itself is
read like a photo's: by the same rules it is whole or refused, what stands beside its pixels counts for nothing, and
an EXIF orientation turns it, so that it still lies on the photo that it was made from.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.headers.base import ImageError, damaged
from back.runtime.headers.exif import SWAPS_SIDES, UPRIGHT
from back.runtime.headers.png import SIGNATURE, check_rows, read_png
from back.runtime.labels.palettes import PaletteError, values_of
from back.runtime.labels.source import OwnValues, Source
from back.runtime.taxonomy import REMAPS

UInt8Array = npt.NDArray[np.uint8]
Kind = Literal["not_png", "damaged", "colour", "format", "palette"]

_IHDR_DEPTH, _IHDR_COLOUR = 24, 25  # bytes of a PNG file
_GREY, _PALETTE = 0, 3  # PNG's colour types
_PILLOW_SCALES = {2: 85, 4: 17}  # Pillow spreads such greys over 0..255
_RARE = 415  # status of an `ImageError` for a file that is whole, but of a kind that is not read
_CANNOT_TELL = "save the ids as 8-bit grey"


class LabelFileError(ValueError):
    """A label file that cannot be read rightly.

    Attributes:
        kind: `not_png`, `damaged`, `colour` (a picture of the labels), `format` (values beyond 8 bits, transparency,
            an animation) or `palette` (indices and colours contradict each other).
        detail: what is wrong, without the file's name.
    """

    def __init__(self, name: str | Path, kind: Kind, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class _Stored:
    """A decoded PNG: pixels and mode as Pillow gives them, the palette's bytes, bit depth and colour type."""

    pixels: npt.NDArray[Any]
    mode: str
    palette: bytes
    depth: int
    colour_type: int


def read_label(
    data: bytes,
    source: Source,
    name: str | Path = "label",
    check_size: Callable[[int, int], None] = lambda width, height: None,
) -> UInt8Array:
    """The ids of a label file, in the values of its source.

    Args:
        data: the whole file.
        source: whose values the file ought to hold; it decides what colours mean.
        name: what to call the file in an error, usually its path.
        check_size: called with width and height before the pixels are decoded; may raise.

    Returns:
        uint8 [H, W]. Values outside the source's table are given as they are; `apply_remap` refuses them.

    Raises:
        LabelFileError: the file is no PNG, is damaged, or its pixels do not say which ids they are.
    """
    return _ids_of(_decode(data, name, check_size), source, name)


def values_by_source(
    data: bytes,
    name: str | Path = "label",
    check_size: Callable[[int, int], None] = lambda width, height: None,
) -> dict[str, list[int] | None]:
    """The values that the pixels of a label file have, read as the files of each source (the keys of `REMAPS`).

    Returns:
        The values by source, in order; None where `read_label` would not know what its palette means.

    Raises:
        LabelFileError: it cannot be read as the files of any source.
    """
    maps = maps_by_source(data, name, check_size)
    return {
        source: None if ids_HW is None else np.flatnonzero(np.bincount(ids_HW.ravel(), minlength=256)).tolist()
        for source, ids_HW in maps.items()
    }


def maps_by_source(
    data: bytes,
    name: str | Path = "label",
    check_size: Callable[[int, int], None] = lambda width, height: None,
) -> dict[str, UInt8Array | None]:
    """The label map of a file read as the files of each source, uint8 [H, W]; see `values_by_source`."""
    stored = _decode(data, name, check_size)
    maps: dict[str, UInt8Array | None] = {}
    for source in REMAPS:
        try:
            maps[source] = _ids_of(stored, source, name)
        except LabelFileError as error:
            if error.kind != "palette":
                raise
            maps[source] = None
    return maps


def _decode(data: bytes, name: str | Path, check_size: Callable[[int, int], None]) -> _Stored:
    if not data.startswith(SIGNATURE):
        raise LabelFileError(name, "not_png", "not a readable label file: not a PNG; labels are PNGs of class ids")
    try:
        header = read_png(data)
        turn = UPRIGHT.get(header.orientation)
        check_size(*((header.height, header.width) if turn in SWAPS_SIDES else (header.width, header.height)))
        file = header.decodable()
        with _opened(file) as image:
            palette = bytes(image.palette.palette) if image.palette else b""  # as stored; decoding may change it
            _load(image)
            check_rows(data, image)
            pixels, mode = np.asarray(image if turn is None else image.transpose(turn)), image.mode
    except ImageError as error:
        kind: Kind = "format" if error.status == _RARE else "damaged"
        raise LabelFileError(name, kind, f"not a readable label file. {str(error).rstrip('.')}") from error
    return _Stored(pixels, mode, palette, data[_IHDR_DEPTH], data[_IHDR_COLOUR])


def _opened(file: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(file), formats=("PNG",))
    except Exception as error:  # a damaged file makes decoders fail in many ways
        raise damaged("its header makes no sense") from error
    image.decodermaxblock = len(file)  # all at once, see `open_photo`
    return image


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        raise damaged("its pixels cannot be decoded") from error


def _ids_of(stored: _Stored, source: Source, name: str | Path) -> UInt8Array:
    pixels, mode = stored.pixels, stored.mode
    if stored.colour_type == _PALETTE:
        return _from_palette(pixels, stored.palette, source, name)
    if stored.colour_type != _GREY:
        if stored.depth == 16:  # of which Pillow keeps the upper eight
            raise LabelFileError(name, "format", f"several channels of 16 bits, wanted one of ids; {_CANNOT_TELL}")
        if isinstance(source, OwnValues) and source.colours and mode in ("RGB", "RGBA"):
            return _ids_or_colours(pixels, mode, source, name)
        pixels = _single_channel(pixels, mode, name)
    elif stored.depth < 8:
        return pixels.astype(np.uint8) // np.uint8(_PILLOW_SCALES.get(stored.depth, 1))
    return _eight_bits(pixels, mode, name)


def _from_palette(indices_HW: UInt8Array, palette: bytes, source: Source, name: str | Path) -> UInt8Array:
    used = np.flatnonzero(np.bincount(indices_HW.ravel(), minlength=256)).tolist()
    colours = [(palette[i], palette[i + 1], palette[i + 2]) for i in range(0, len(palette) - 2, 3)]
    try:
        values = values_of(used, colours, source)
    except PaletteError as error:
        raise LabelFileError(name, "palette", f"{error}; {_CANNOT_TELL}") from error
    if all(index == value for index, value in values.items()):
        return indices_HW
    table = np.zeros(256, np.uint8)
    table[list(values)] = list(values.values())
    return table[indices_HW]


def _ids_or_colours(stored_HWC: UInt8Array, mode: str, source: OwnValues, name: str | Path) -> UInt8Array:
    """A picture in the classes' colours, or grey ids that were stored as colour."""
    try:
        return by_colour(stored_HWC, source, name)
    except LabelFileError:
        if (stored_HWC[..., :1] == stored_HWC[..., :3]).all():
            return _single_channel(stored_HWC, mode, name)
        raise


def by_colour(stored_HWC: UInt8Array, source: OwnValues, name: str | Path) -> UInt8Array:
    """The values that a colour picture of labels shows; transparency is left out.

    Raises:
        LabelFileError: colours that are none of the classes', with how many pixels have each.
    """
    packed_HW = pack_colours(stored_HWC)
    found, inverse, counts = np.unique(packed_HW, return_inverse=True, return_counts=True)
    values = {int(pack_colours(np.array(colour, np.uint8))): value for colour, value in source.colours}
    unknown = [(int(n), int(c)) for c, n in zip(found, counts, strict=True) if int(c) not in values]
    if unknown:
        listed = ", ".join(
            f"({c >> 16}, {c >> 8 & 255}, {c & 255}) on {n} pixels" for n, c in sorted(unknown, reverse=True)[:8]
        )
        raise LabelFileError(
            name, "colour", f"colours that are no class of {source.taxonomy.id}: {listed}; add them to its classes"
        )
    table = np.array([values[int(c)] for c in found], np.uint8)
    return table[inverse].reshape(packed_HW.shape)


def pack_colours(colours_HWC: UInt8Array) -> npt.NDArray[np.uint32]:
    """RGB of the last axis as one number, red first: uint32 of the other axes."""
    r, g, b = (colours_HWC[..., i].astype(np.uint32) for i in range(3))
    return r << np.uint32(16) | g << np.uint32(8) | b


def _single_channel(stored_HWC: npt.NDArray[np.uint8], mode: str, name: str | Path) -> UInt8Array:
    """Grey stored as colour or with full opacity; what shows colours or transparency is refused."""
    opaque = mode in ("RGB",) or bool((stored_HWC[..., -1] == 255).all())
    channels_HWC = stored_HWC if mode == "RGB" else stored_HWC[..., :-1]
    grey_HW = channels_HWC[..., 0]
    if not (channels_HWC == grey_HW[..., None]).all():
        raise LabelFileError(
            name,
            "colour",
            f"mode {mode}, wanted one channel of ids; this may be a colour picture of the labels instead of the ids",
        )
    if not opaque:
        raise LabelFileError(
            name, "format", f"grey with transparency (mode {mode}), wanted one channel of ids; {_CANNOT_TELL}"
        )
    # Black alone may be the id 0 or a picture of the class that is shown in black.
    if mode in ("RGB", "RGBA") and not grey_HW.any():
        raise LabelFileError(name, "colour", f"mode {mode}, wanted one channel of ids; it is black throughout")
    return np.ascontiguousarray(grey_HW)


def _eight_bits(stored_HW: npt.NDArray[np.generic], mode: str, name: str | Path) -> UInt8Array:
    """Values of 16 bits that fit 8, as they are or stretched by 257 (0..255 onto 0..65535)."""
    if stored_HW.dtype == np.uint8:
        return stored_HW  # type: ignore[return-value]
    wide_HW = stored_HW.astype(np.int64)
    low, high = int(wide_HW.min()), int(wide_HW.max())
    if high > 255 and not (wide_HW % 257).any():
        wide_HW //= 257
    elif high > 255:
        raise LabelFileError(
            name, "format", f"16 bits a pixel, values {low} to {high} (mode {mode}), wanted ids of 0 to 255"
        )
    return wide_HW.astype(np.uint8)
