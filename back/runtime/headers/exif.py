"""The orientation of a photo, read from EXIF data as browsers read it.

The rule, measured on Chromium: the value is an unsigned 16-bit number (TIFF type SHORT), exactly one, from 1 to 8,
under tag 0x0112 of the first directory or of the Exif directory that it points to; the first such entry counts.
Anything else (text, two values, a 32-bit number, 0 or 9, another tag that is malformed) is passed over, and a photo
without such an entry is upright. XMP is not read.
"""

import struct
from collections.abc import Iterator

from PIL import Image

# How a picture of each orientation but 1 is turned upright, and which of these turns swap height and width.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SWAPS_SIDES = {UPRIGHT[orientation] for orientation in (5, 6, 7, 8)}

_ORIENTATION = 0x0112
_EXIF_DIRECTORY = 0x8769
_SHORT, _LONG = 3, 4
_ENTRY_BYTES = 12
_MAX_ENTRIES = 1 << 12  # a photo's directory has tens


def orientation_of(tiff: bytes | memoryview) -> int:
    """The orientation, 1 to 8, that a block of EXIF data gives; 1 where it gives none that counts.

    Args:
        tiff: from the byte order mark (`II` or `MM`) on; offsets count from there.
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None or len(tiff) < 8:
        return 1
    magic, offset = struct.unpack_from(order + "HI", tiff, 2)
    if magic != 42:
        return 1
    inner: int | None = None
    for tag, kind, count, value in _entries(tiff, order, offset):
        found = _counts(order, tag, kind, count, value)
        # Only the first pointer is followed, and only once: a directory that points to itself ends here.
        if (tag, kind, count) == (_EXIF_DIRECTORY, _LONG, 1) and inner is None:
            (inner,) = struct.unpack(order + "I", value)
            assert inner is not None
            found = next(filter(None, (_counts(order, *entry) for entry in _entries(tiff, order, inner))), 0)
        if found:
            return found
    return 1


def _counts(order: str, tag: int, kind: int, count: int, value: bytes) -> int:
    """The orientation that an entry of a directory gives; 0 where it gives none that counts."""
    if (tag, kind, count) != (_ORIENTATION, _SHORT, 1):
        return 0
    (orientation,) = struct.unpack(order + "H", value[:2])
    return int(orientation) if 1 <= orientation <= 8 else 0


def _entries(tiff: bytes | memoryview, order: str, offset: int) -> Iterator[tuple[int, int, int, bytes]]:
    """Tag, type, count and value of each entry of a directory."""
    if offset + 2 > len(tiff):
        return
    (entries,) = struct.unpack_from(order + "H", tiff, offset)
    # A count that is too large is common where a file was cut: the entries that are there are read.
    entries = min(entries, _MAX_ENTRIES, (len(tiff) - offset - 2) // _ENTRY_BYTES)
    yield from struct.iter_unpack(order + "HHI4s", tiff[offset + 2 : offset + 2 + entries * _ENTRY_BYTES])
