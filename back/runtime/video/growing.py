"""The overlay while it is made: an MP4 of fragments, which can be played to where it has come, without its sound."""

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av

# Each fragment begins with a frame that needs no other, and says itself where its frames lie.
_FRAGMENTS = "frag_keyframe+delay_moov+default_base_moof"
_HEADER = 8  # bytes of a box: its length and its kind
_DATA = b"mdat"  # the box that ends a fragment


class GrowingFilm:
    """Takes the packets that an encoder makes, too, for a second file. Close it.

    Args:
        path: the file, which is written over. At any time it holds nothing but whole fragments.
    """

    def __init__(self, path: Path) -> None:
        self._file = _WholeFragments(path)
        self._film: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None

    def add(self, packets: Iterable[av.Packet], source: av.VideoStream, ticks: Fraction) -> None:
        """Write packets of an encoder's stream once they are in the caller's own file, whose header is then known.

        Args:
            ticks: seconds of a tick of their times.
        """
        for packet in packets:
            if self._film is None:
                self._film = av.open(self._file, "w", format="mp4", options={"movflags": _FRAGMENTS})
                self._stream = self._film.add_stream_from_template(source)
                self._stream.time_base = ticks
                self._stream.codec_context.time_base = ticks
            packet.stream = self._stream
            self._film.mux(packet)

    def close(self) -> None:
        if self._film is not None:
            self._film.close()
        self._file.close()


class _WholeFragments(io.RawIOBase):
    """A file that is written box by box: what a muxer has begun waits in memory until the fragment is whole."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._begun = bytearray()
        self._boxes = 0  # bytes of it that are whole boxes

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._begun += data
        while len(self._begun) >= self._boxes + _HEADER:
            size = int.from_bytes(self._begun[self._boxes : self._boxes + 4], "big")
            if size < _HEADER or len(self._begun) < self._boxes + size:
                break
            kind = bytes(self._begun[self._boxes + 4 : self._boxes + _HEADER])
            self._boxes += size
            if kind == _DATA:
                self._file.write(self._begun[: self._boxes])
                del self._begun[: self._boxes]
                self._boxes = 0
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
