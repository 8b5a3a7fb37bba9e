"""Pictures as files that cameras and editors write, right and wrong: PNG chunks and EXIF blocks by hand."""

import io
import struct
import zlib

from PIL import Image

SIZE = (48, 32)  # width and height as stored


def chunk(name: bytes, content: bytes = b"", *, right: bool = True) -> bytes:
    """A PNG chunk; its checksum may be wrong."""
    checksum = zlib.crc32(name + content) ^ (0 if right else 1)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png_with(*before: bytes, after: bytes = b"") -> bytes:
    """A red PNG with chunks before and after its pixels."""
    out = io.BytesIO()
    Image.new("RGB", SIZE, "red").save(out, "PNG")
    whole = out.getvalue()
    head, end = 8 + 25, len(whole) - 12
    return whole[:head] + b"".join(before) + whole[head:end] + after + whole[end:]


def exif_with(*entries: tuple[int, int, int, bytes], order: str = "<") -> bytes:
    """An EXIF block (TIFF) with these entries: tag, type, count, four bytes."""
    body = b"".join(struct.pack(f"{order}HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(f"{order}HIH", 42, 8, len(entries)) + body + bytes(4)


def orientation(value: int, kind: int = 3, count: int = 1, order: str = "<") -> tuple[int, int, int, bytes]:
    """The entry of an orientation: by default one 16-bit number, as it should be."""
    return (0x0112, kind, count, struct.pack(f"{order}HH", value, 0))


def jpeg_with(exif: bytes) -> bytes:
    """A JPEG of `SIZE` with this EXIF block."""
    out = io.BytesIO()
    Image.new("RGB", SIZE, "red").save(out, "JPEG", exif=b"Exif\0\0" + exif)
    return out.getvalue()
