"""The orientation that a photo's EXIF gives, read as browsers read it."""

import struct

_TAG, _SHORT = 0x0112, 3


def orientation_of(exif: bytes) -> int:
    """The first orientation of the EXIF's first directory that is one 16-bit number; 1 (upright) without one.

    An orientation written as text, as a longer number or as two values is passed over, as browsers do; Pillow would
    take them. Broken EXIF is common in real photos and no reason to refuse the picture.
    """
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
    except struct.error:  # cut off
        return 1
    return 1
