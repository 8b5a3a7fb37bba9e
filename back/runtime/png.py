"""A PNG writer for label maps: palette or 8-bit grey, ten times faster than a general one.

Format: W3C Portable Network Graphics (Third Edition). How its data is compressed is `deflate.py`'s business.
"""

import struct
import zlib

import numpy as np
import numpy.typing as npt

from back.runtime.deflate import deflate_labels

UInt8Array = npt.NDArray[np.uint8]


def encode_palette_png(labels_HW: UInt8Array, palette: UInt8Array) -> bytes:
    """A label map as a palette PNG (Pillow mode P).

    Args:
        labels_HW: uint8 [height, width] of ids below len(palette).
        palette: uint8 [classes <= 256, 3] RGB.
    """
    colours = np.ascontiguousarray(palette, np.uint8)
    header = struct.pack(">IIBBBBB", labels_HW.shape[1], labels_HW.shape[0], 8, 3, 0, 0, 0)
    return _file(header, _chunk(b"PLTE", colours.tobytes()), labels_HW)


def encode_gray_png(labels_HW: UInt8Array) -> bytes:
    """A label map as an 8-bit grey PNG (Pillow mode L) whose grey values are the ids."""
    header = struct.pack(">IIBBBBB", labels_HW.shape[1], labels_HW.shape[0], 8, 0, 0, 0, 0)
    return _file(header, b"", labels_HW)


def _file(header: bytes, palette_chunk: bytes, labels_HW: UInt8Array) -> bytes:
    parts = (_chunk(b"IHDR", header), palette_chunk, _chunk(b"IDAT", deflate_labels(labels_HW)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes | memoryview) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)))
