"""How a photo is turned upright: the orientation that browsers go by, so that the dashboard and the API agree."""

import struct
from collections.abc import Iterator, Mapping

from PIL import Image

_TAG, _EXIF_DIRECTORY = 0x0112, 0x8769
_SHORT, _LONG = 3, 4
_ENTRY_BYTES, _MAX_ENTRIES = 12, 1 << 12
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
    if image.format == "WEBP":  # which browsers never turn
        return None
    exif = image.info.get("exif")
    return _UPRIGHT.get(_orientation(exif)) if isinstance(exif, bytes) else None


def swaps_sides(turn: Image.Transpose | None) -> bool:
    """Whether width and height change places."""
    return turn in _SWAPS_SIDES


def _orientation(exif: bytes) -> int:
    """The first orientation from 1 to 8 of the right type, in the first directory or the Exif directory it points to;
    1 (upright) without one.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    inner: int | None = None
    for entry in _entries(tiff, order, *struct.unpack_from(f"{order}I", tiff, 4)):
        found = _counts(order, *entry)
        tag, kind, count, value = entry
        # Only the first pointer is followed, and only once: a directory that points to itself ends here.
        if (tag, kind, count) == (_EXIF_DIRECTORY, _LONG, 1) and inner is None:
            inner = int.from_bytes(value, "little" if order == "<" else "big")
            found = next(filter(None, (_counts(order, *e) for e in _entries(tiff, order, inner))), 0)
        if found:
            return found
    return 1


def _counts(order: str, tag: int, kind: int, count: int, value: bytes) -> int:
    """The orientation that an entry gives; 0 where it gives none that counts."""
    if (tag, kind, count) != (_TAG, _SHORT, 1):
        return 0
    (orientation,) = struct.unpack(f"{order}H", value[:2])
    return int(orientation) if orientation in range(1, 9) else 0


def _entries(tiff: bytes, order: str, offset: int) -> Iterator[tuple[int, int, int, bytes]]:
    """Tag, type, count and value of each entry of a directory; of one that is cut off, those that are there."""
    if offset + 2 > len(tiff):
        return
    (entries,) = struct.unpack_from(f"{order}H", tiff, offset)
    entries = min(entries, _MAX_ENTRIES, (len(tiff) - offset - 2) // _ENTRY_BYTES)
    yield from struct.iter_unpack(f"{order}HHI4s", tiff[offset + 2 : offset + 2 + entries * _ENTRY_BYTES])
