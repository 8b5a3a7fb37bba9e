"""How a photo is turned upright: the orientation that browsers go by, so that the dashboard and the API agree."""

import struct
from collections.abc import Mapping

from PIL import Image

_TAG, _SHORT = 0x0112, 3
_UPRIGHT: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = frozenset(_UPRIGHT[orientation] for orientation in (5, 6, 7, 8))


def upright_turn(image: Image.Image) -> Image.Transpose | None:
    """What turns the stored pixels upright; None where they are, or where the file's EXIF says nothing usable.

    Only the file's EXIF block counts, and in it only one 16-bit number: an orientation written as text, as a longer
    number, as two values or in XMP is passed over, as browsers do. Pillow would take all of these.
    """
    exif = image.info.get("exif")
    return _UPRIGHT.get(_orientation(exif)) if isinstance(exif, bytes) else None


def swaps_sides(turn: Image.Transpose | None) -> bool:
    """Whether width and height change places."""
    return turn in _SWAPS_SIDES


def _orientation(exif: bytes) -> int:
    """The first orientation of the EXIF's first directory that has the right type; 1 (upright) without one."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for place in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if (tag, kind, count) == (_TAG, _SHORT, 1):
                return int(value)
    except struct.error:  # cut off: cameras and editors write such, and the picture itself is fine
        return 1
    return 1
