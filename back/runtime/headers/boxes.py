"""Boxes of the ISO base media file format (ISO/IEC 14496-12), which HEIC and AVIF files are made of."""

import struct
from collections.abc import Iterator

from back.runtime.headers.base import MAX_PARTS, damaged, too_many_parts


def boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Type and content of each box of a file, or of those inside another box.

    Raises:
        ImageError: 400, a box is longer than what it lies in, or there are far too many.
    """
    position = 0
    for _ in range(MAX_PARTS):
        if position == len(data):
            return
        if position + 8 > len(data):
            raise damaged("it ends inside a box")
        size, kind = struct.unpack_from(">I4s", data, position)
        start = 8
        if size == 1 and position + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, position + 8)
            start = 16
        elif size == 0:  # to the end
            size = len(data) - position
        if size < start or position + size > len(data):
            raise damaged("a box of it is cut off")
        yield kind, data[position + start : position + size]
        position += size
    raise too_many_parts(MAX_PARTS, "boxes")


class Fields:
    """Reads big-endian numbers one after the other; what is missing is damage."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes, 0 of none."""
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> memoryview:
        end = self._position + size
        if end > len(self._data):
            raise damaged("a box of it is too short")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def version_and_flags(self) -> tuple[int, int]:
        """What the content of a "full" box begins with."""
        return self.number(1), self.number(3)
