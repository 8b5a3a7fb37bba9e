"""The parts of a PNG that make its picture.

Pillow refuses whole files for what stands beside the picture: a profile of a megabyte, a side chunk whose checksum is
wrong. Every viewer opens them.
"""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OF_THE_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf")


def keep_picture(png: bytes) -> bytes:
    """The PNG without chunks that its pixels and their turn do not need, with checksums that are right.

    What follows a damaged chunk header is left out; the decoder then says that the file is cut off.
    """
    kept: list[bytes] = [SIGNATURE]
    seen: set[bytes] = set()
    place = len(SIGNATURE)
    while place + 8 <= len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        content = png[place + 8 : place + 8 + length]
        place += 12 + length
        if len(content) < length or name == b"IEND":
            break
        again = name in seen and name != b"IDAT"
        late = name == b"eXIf" and b"IDAT" in seen  # viewers have drawn the picture by then
        if name in _OF_THE_PICTURE and not again and not late:
            kept.append(_chunk(name, content))
        seen.add(name)
    return b"".join([*kept, _chunk(b"IEND", b"")])


def add_palette(grey: bytes, colours: list[tuple[int, int, int]]) -> bytes:
    """The same values as a palette PNG: the pixels of an 8-bit grey PNG stay compressed as they are.

    Raises:
        ValueError: not an 8-bit grey PNG.
    """
    head = len(SIGNATURE) + 8 + 13 + 4
    if grey[24:26] != b"\x08\x00" or grey[12:16] != b"IHDR":
        raise ValueError("not an 8-bit grey PNG")
    palette = b"".join(bytes(colour) for colour in colours)
    header = grey[16:25] + b"\x03" + grey[26:29]
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"PLTE", palette) + grey[head:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
