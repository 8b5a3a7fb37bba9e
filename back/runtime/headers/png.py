"""PNG: a list of chunks with checksums, of which header, palette and data make the picture.

All other chunks are passed over whatever they hold, as browsers do; only the EXIF orientation is read. Transparency
is one of them: what is stored under it is the picture.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from back.runtime.headers.base import MAX_PARTS, Header, ImageError, damaged, too_many_parts
from back.runtime.headers.exif import orientation_of

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = 33
_PALETTE = 3
# Bits of one pixel's channel that each colour type may have, and its channels.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row, and the steps between columns and rows, of the seven passes of an interlaced PNG.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_MAX_DATA_CHUNKS = 1 << 15  # a file of 32 MB in chunks of a kilobyte has as many
_MEGABYTE = 1 << 20
_NO_CHECKSUM = bytes(4)  # Pillow does not look at that of pixel data
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"


def read_png(data: bytes) -> Header:
    """Read the chunks up to the first one of pixel data.

    Raises:
        ImageError: 400, damaged or written to cost time; 415, an animation or a kind of PNG that is not read.
    """
    width, height, colour = _check_start(data)
    palette, orientation, position = b"", None, _HEADER_END
    frames, frame_is_first = 0, False
    for kind, body, position in _chunks(data, _HEADER_END):
        if kind == b"IDAT":
            break
        if kind == b"PLTE":
            palette = _check_palette(data, body, position, palette)
        elif not kind[0] & 0x20:  # an upper-case first letter: a chunk that has to be understood
            raise _not_understood(kind)
        elif kind == b"eXIf" and orientation is None and _checksum_fits(data, body, position):
            orientation = orientation_of(memoryview(data)[body:position])
        elif kind == b"acTL" and position - body >= 8:
            (frames,) = struct.unpack_from(">I", data, body)
        elif kind == b"fcTL":
            frame_is_first = True
    else:
        raise too_many_parts(MAX_PARTS, "chunks before its picture")
    if frames > 1 or (frames == 1 and not frame_is_first):
        raise ImageError("The image is an animation; send a single picture.", 415)
    if colour == _PALETTE and not palette:
        raise damaged("its palette is missing")
    start = data[:_HEADER_END] + (palette if colour == _PALETTE else b"")
    return Header("PNG", width, height, orientation or 1, lambda: _decodable(data, start, body - 8))


def check_rows(data: bytes, image: Image.Image) -> None:
    """Refuse a picture that was decoded from less data than its size needs: decoders leave what is missing black.

    Only where it can be so: the rows are written in order, so the last one is black then. In an interlaced file it
    need not be, and neither do these have to be fast.

    Raises:
        ImageError: 400, rows are missing.
    """
    if data[28] == 0 and np.asarray(image.crop((0, image.height - 1, *image.size))).any():
        return
    first = next(body - 8 for kind, body, _ in _chunks(data, _HEADER_END) if kind == b"IDAT")
    stream, _ = _pixel_data(data, first)
    if _unpacked(stream, data)[0] < _unpacked_size(data):
        raise damaged("its pixel data end too soon")


def _check_start(data: bytes) -> tuple[int, int, int]:
    """Width, height and colour type from the first chunk."""
    if len(data) < _HEADER_END or data[8:16] != b"\0\0\0\rIHDR" or not _checksum_fits(data, 16, 29):
        raise damaged("its header is broken")
    width, height, depth, colour, *methods, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    valid = min(width, height) > 0 and max(width, height) < 1 << 31 and depth in _DEPTHS.get(colour, ())
    if not valid or any(methods) or interlace > 1:
        raise damaged("its header makes no sense")
    return width, height, colour


def _chunks(data: bytes, position: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the body of each chunk; of pixel data the last may be cut off.

    Raises:
        ImageError: 400, the file ends before its pixel data.
    """
    for _ in range(MAX_PARTS):
        if position + 8 > len(data):
            raise damaged("it ends before its picture begins")
        length, kind = struct.unpack_from(">I4s", data, position)
        body, end = position + 8, position + 8 + length
        if kind == b"IEND" or (kind != b"IDAT" and end + 4 > len(data)) or length >= 1 << 31:
            raise damaged("it holds no picture")
        yield kind, body, end
        position = end + 4


def _checksum_fits(data: bytes, body: int, end: int) -> bool:
    """Whether the checksum after a chunk's body fits its kind and body; in pixel data cut off it does not."""
    return zlib.crc32(memoryview(data)[body - 4 : end]).to_bytes(4, "big") == data[end : end + 4]


def _check_palette(data: bytes, body: int, end: int, before: bytes) -> bytes:
    """The whole chunk of a palette."""
    if before or not _checksum_fits(data, body, end) or not 0 < end - body <= 768 or (end - body) % 3:
        raise damaged("its palette is broken")
    return data[body - 8 : end + 4]


def _not_understood(kind: bytes) -> ImageError:
    if not kind.isalpha():
        return damaged("it holds no picture")
    return ImageError(
        f"The image is a PNG of a rare kind (its {kind.decode()} chunk is not part of the standard, or not in its "
        "place); save it as an ordinary PNG.",
        415,
    )


def _decodable(data: bytes, start: bytes, position: int) -> bytes:
    """Header, palette and pixel data as one chunk: a decoder takes its time over each chunk.

    Where a checksum does not fit, pixel data or checksum are damaged; the pixel data carry a checksum of their own.

    Raises:
        ImageError: 400, the pixel data are damaged, or come in more pieces than a photo has.
    """
    stream, intact = _pixel_data(data, position)
    if not intact:
        size, complete = _unpacked(stream, data)
        if size != _unpacked_size(data) or not complete:
            raise damaged("its pixel data do not fit their checksum")
    return b"".join([start, struct.pack(">I4s", len(stream), b"IDAT"), stream, _NO_CHECKSUM, _END])


def _pixel_data(data: bytes, position: int) -> tuple[bytes, bool]:
    """The compressed pixel data from the first chunk of them on, and whether all checksums fit."""
    view = memoryview(data)
    pieces: list[memoryview] = []
    intact = True
    for _ in range(_MAX_DATA_CHUNKS):
        length, kind = struct.unpack_from(">I4s", data, position) if position + 8 <= len(data) else (0, b"")
        if kind != b"IDAT":
            return b"".join(pieces), intact
        body, end = position + 8, min(position + 8 + length, len(data))
        pieces.append(view[body:end])
        intact &= _checksum_fits(data, body, end)
        position = end + 4
    raise too_many_parts(_MAX_DATA_CHUNKS, "chunks of pixel data")


def _unpacked_size(data: bytes) -> int:
    """Bytes of the filtered rows of a whole picture."""
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    total = 0
    for left, top, right, down in _ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * depth * _CHANNELS[colour] // 8))
    return total


def _unpacked(stream: bytes, data: bytes) -> tuple[int, bool]:
    """Bytes that pixel data unpack to, counted to at most one more than needed, and whether their checksum fits."""
    unpacker, size, limit = zlib.decompressobj(), 0, _unpacked_size(data) + 1
    try:
        while stream and not unpacker.eof and size < limit:
            size += len(unpacker.decompress(stream, min(_MEGABYTE, limit - size)))
            stream = unpacker.unconsumed_tail
    except zlib.error:
        return size, False
    return size, unpacker.eof
