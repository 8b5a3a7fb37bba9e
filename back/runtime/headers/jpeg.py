"""JPEG: a list of segments, each a marker with a length, and then the compressed picture."""

import re
import struct

from back.runtime.headers.base import MAX_PARTS, Header, ImageError, damaged, too_many_parts
from back.runtime.headers.exif import orientation_of

SIGNATURE = b"\xff\xd8\xff"
# The tables of a photo take a few kilobytes; what is larger is written to cost time.
_MAX_TABLE_BYTES = 1 << 16
# Fill bytes and stray bytes between segments, which decoders pass over.
_MAX_STRAY_BYTES = 1 << 16

_MARKER = re.compile(rb"\xff[\x01-\xfe]")
SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD8))
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1), 0xC2  # the frames that browsers show: Huffman codes, no lossless ones
_COMMENT = 0xFE
_APP0, _APP1, _APP14, _APP15 = 0xE0, 0xE1, 0xEE, 0xEF
# The start of the two application segments that say how colours are stored, as far as decoders read them.
_COLOUR_SEGMENTS = {_APP0: (b"JFIF\0", 14), _APP14: (b"Adobe", 12)}


def read_jpeg(data: bytes) -> Header:
    """Read the segments up to the first scan.

    Raises:
        ImageError: 400, damaged or written to cost time; 415, of a kind that no browser shows.
    """
    kept = [data[:2]]
    frame: tuple[int, int] | None = None  # height, width
    orientation: int | None = None
    position, table_bytes, stray_bytes = 2, 0, 0
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, position, position + _MAX_STRAY_BYTES)
        if found is None:
            raise damaged("it ends, or holds no JPEG, before its picture begins")
        stray_bytes += found.start() - position
        if stray_bytes > _MAX_STRAY_BYTES:
            raise damaged("it is filled up with stray bytes")
        marker, position = data[found.end() - 1], found.end()
        if marker == SOS:
            return _header(data, kept, found.start(), frame, orientation)
        if marker in _WITHOUT_LENGTH:
            continue
        if marker in (SOI, EOI) or marker < 0xC0:
            raise damaged("it holds no picture")
        body, position = position + 2, end_of_segment(data, position)
        if marker in FRAMES:
            frame = _size(marker, data[body:position])
        if marker == _APP1 and orientation is None and data[body : body + 5] == b"Exif\0":
            orientation = orientation_of(memoryview(data)[body + 6 : position])
        segment = _colour_segment(marker, data[body:position]) if _APP0 <= marker <= _APP15 else None
        if segment is None and marker != _COMMENT and not _APP0 <= marker <= _APP15:
            segment = data[found.start() : position]
        if segment is not None:
            kept.append(segment)
            table_bytes += len(segment)
            if table_bytes > _MAX_TABLE_BYTES:
                raise damaged(f"its tables take more than {_MAX_TABLE_BYTES >> 10} kB")
    raise too_many_parts(MAX_PARTS, "segments before its picture")


def _header(
    data: bytes, kept: list[bytes], scan: int, frame: tuple[int, int] | None, orientation: int | None
) -> Header:
    if frame is None:
        raise damaged("it gives no size")
    height, width = frame

    def decodable() -> bytes:
        return b"".join([*kept, memoryview(data)[scan:]])

    return Header("JPEG", width, height, orientation or 1, decodable)


def end_of_segment(data: bytes, position: int) -> int:
    """Where a segment ends whose marker ends at `position`. Raises ImageError: 400, beyond the file."""
    (length,) = struct.unpack_from(">H", data, position) if position + 2 <= len(data) else (len(data),)
    end: int = position + max(2, length)  # decoders read a length of 0 or 1 like 2
    if end > len(data):
        raise damaged("it ends before its picture begins")
    return end


def _size(marker: int, frame: bytes) -> tuple[int, int]:
    """Height and width that a frame header gives."""
    if marker not in (*SEQUENTIAL, PROGRESSIVE):
        raise ImageError(
            "The image is a JPEG of a rare kind (arithmetic coding, lossless or in layers); save it as an ordinary "
            "JPEG or PNG.",
            415,
        )
    if len(frame) < 6:
        raise damaged("its frame header is too short")
    bits, height, width, colours = struct.unpack_from(">BHHB", frame)
    if bits != 8 or colours not in (1, 3, 4):
        raise ImageError(
            f"The image is a JPEG of a rare kind ({bits} bits for each of {colours} colours); save it as an ordinary "
            "JPEG or PNG.",
            415,
        )
    if height == 0 or width == 0:
        raise damaged(f"it gives its size as {width} x {height}")
    return height, width


def _colour_segment(marker: int, body: bytes) -> bytes | None:
    start, size = _COLOUR_SEGMENTS.get(marker, (b"", 0))
    if len(body) < size or not start or not body.startswith(start):
        return None
    return struct.pack(">BBH", 0xFF, marker, size + 2) + body[:size]
