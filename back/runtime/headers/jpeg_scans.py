"""Where the pixel data of a JPEG end: those of each of its scans, of which a progressive JPEG has about ten."""

import re
from dataclasses import dataclass

import numpy as np

from back.runtime.headers.base import MAX_PARTS, ImageError, damaged, too_many_parts
from back.runtime.headers.jpeg import EOI, FRAMES, PROGRESSIVE, SOS, end_of_segment

# Each scan of a progressive JPEG goes over the whole picture; a small file can ask for a hundred thousand.
_MAX_SCANS = 100
# Some encoders write one behind the last block.
_STRAY_RESTARTS = 8

_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
_RESTART_INTERVAL = 0xDD
_BLOCK = 8  # pixels
_CHUNK_BYTES = 1 << 16  # stays in a processor's cache

# What scans bring: colours, and in a progressive JPEG each of a colour's 64 coefficients.
_Parts = set[tuple[int, int]]


def scan_ends(data: bytes) -> list[int]:
    """The end of the pixel data of each scan, as offsets into the file.

    Args:
        data: a JPEG as `Header.decodable` gives it.

    Raises:
        ImageError: 400, the file has no end, lacks scans or restart markers, or has too many of them.
    """
    ends: list[int] = []
    frame, missing, interval, position = _Frame(0, 0, 0, {}), _Parts(), 0, 2
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, position)
        if found is None:
            raise _cut_off()
        marker, position = data[found.end() - 1], found.end()
        if marker == EOI:
            if missing or not ends:
                raise _cut_off()
            return ends
        body, position = position + 2, end_of_segment(data, position)
        segment = data[body:position]
        if marker in FRAMES:
            frame = _Frame.read(marker, segment)
            missing = frame.parts()
        elif marker == _RESTART_INTERVAL:
            interval = int.from_bytes(segment[:2], "big")
        elif marker == SOS:
            if len(ends) == _MAX_SCANS:
                raise damaged(f"it is stored in more than {_MAX_SCANS} passes")
            if not segment or len(segment) != 4 + 2 * segment[0]:
                raise damaged("the header of a scan is broken")
            missing -= frame.parts_of_scan(segment)
            position = _end_of_scan(data, position, (frame.groups(segment) - 1) // interval if interval else 0)
            ends.append(position)
            if frame.kind != PROGRESSIVE and not missing:
                return ends  # decoders read no further either
    raise too_many_parts(MAX_PARTS, "segments")


def _cut_off() -> ImageError:
    return damaged("it ends before its picture does")


def _end_of_scan(data: bytes, position: int, restarts: int) -> int:
    """Where the marker behind pixel data is, which hold so many restart markers, numbered 0 to 7 over and over."""
    seen = 0
    for start in range(position, len(data), _CHUNK_BYTES):
        chunk = np.frombuffer(data, np.uint8, min(_CHUNK_BYTES + 1, len(data) - start), start)
        marks = (chunk[:-1] == 0xFF) > (chunk[1:] == 0)
        if not marks.any():
            continue
        at = np.flatnonzero(marks)
        at = at[chunk[at + 1] != 0xFF]
        for offset, marker in zip(at.tolist(), chunk[at + 1].tolist(), strict=True):
            if marker & 0xF8 != 0xD0:
                if seen < restarts:
                    raise damaged("pixels are missing")
                return start + offset
            if seen < restarts and marker & 7 != seen % 8:
                raise damaged("pixels are missing")
            seen += 1
            if seen > restarts + _STRAY_RESTARTS:
                raise damaged("it holds more restart markers than pixels")
    raise _cut_off()


@dataclass(frozen=True)
class _Frame:
    """A frame header: size in pixels, and how often each colour is sampled across and down."""

    kind: int
    height: int
    width: int
    colours: dict[int, tuple[int, int]]

    @classmethod
    def read(cls, kind: int, segment: bytes) -> "_Frame":
        pairs = zip(segment[6::3], segment[7::3], strict=False)
        colours = {number: (max(1, rates >> 4), max(1, rates & 15)) for number, rates in pairs}
        return cls(kind, int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big"), colours)

    def parts(self) -> _Parts:
        """What the scans have to bring."""
        return {(colour, k) for colour in self.colours for k in range(64 if self.kind == PROGRESSIVE else 1)}

    def parts_of_scan(self, segment: bytes) -> _Parts:
        """What a scan with this header brings to its last bit."""
        colours = segment[1:-3:2]
        if self.kind != PROGRESSIVE:
            return {(colour, 0) for colour in colours}
        first, last, bits = segment[-3:]
        return {(colour, k) for colour in colours for k in range(first, last + 1)} if bits & 15 == 0 else set()

    def groups(self, segment: bytes) -> int:
        """Groups of blocks in a scan with this header, by which restart markers are counted."""
        colours = segment[1:-3:2]
        most_across, most_down = (max(rates) for rates in zip(*self.colours.values(), strict=True))
        across, down = self.colours.get(colours[0], (1, 1)) if len(colours) == 1 else (1, 1)
        return -(-self.width * across // (most_across * _BLOCK)) * -(-self.height * down // (most_down * _BLOCK))
