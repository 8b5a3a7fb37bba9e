"""WebP: a RIFF file whose first chunk gives the size."""

import struct

from back.runtime.headers.base import MAX_PARTS, Header, damaged, too_many_parts


def read_webp(data: bytes) -> Header:
    """Read the first chunk, and count the others. No browser turns a WebP by its EXIF data; neither is it done here.

    Raises:
        ImageError: 400, damaged or written to cost time.
    """
    width = height = 0
    kind = data[12:16]
    if kind == b"VP8 " and len(data) >= 30 and data[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L" and len(data) >= 25 and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X" and len(data) >= 30:
        width, height = (int.from_bytes(data[i : i + 3], "little") + 1 for i in (24, 27))
    if not width or not height:
        raise damaged("its header is broken")
    position = 12
    for _ in range(MAX_PARTS):
        if position + 8 > len(data):
            break
        (size,) = struct.unpack_from("<I", data, position + 4)
        position += 8 + size + size % 2
    else:
        raise too_many_parts(MAX_PARTS, "chunks")
    return Header("WEBP", width, height, 1, lambda: data)
