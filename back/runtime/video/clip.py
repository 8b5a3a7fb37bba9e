"""A clip's file opened and decoded: its frames upright, in order, each with its time, and its sound as packets.

Only the demuxers of four containers and the decoders of five codecs are ever used. What is damaged is told, not
hidden: see `Clip.notes`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition
from av.video.reformatter import Colorspace

from back.runtime.imaging import UInt8Array
from back.runtime.process.threads import available_cpus
from back.runtime.video.limits import (
    ClipError,
    ClipLimits,
    check_bytes,
    check_frames,
    check_pixels,
    check_seconds,
    container_of,
)
from back.runtime.video.turn import Turn, swaps_sides, turn_of, turned

CODECS = {"h264": "H.264", "hevc": "HEVC", "vp8": "VP8", "vp9": "VP9", "av1": "AV1"}
_UNSPECIFIED = 2  # ITU-T H.273, MatrixCoefficients
_USUAL_RATE, _SLOWEST, _QUICKEST = Fraction(25), Fraction(1, 600), Fraction(1000)
_HD_ROWS = 720  # from which on players take BT.709 where the file does not say
_NO_CLIP = "The clip cannot be opened; it is damaged, or was cut off while it was saved."
_CUT_SHORT = 0.5  # seconds by which a clip may end before its header says so


@dataclass(frozen=True)
class Frame:
    """One decoded frame.

    Attributes:
        index: in the clip, from 0.
        pts: when it is shown, in the clip's time base; rises strictly.
        seconds: the same since the first frame.
        video: as it was decoded, not yet turned.
    """

    index: int
    pts: int
    seconds: float
    video: av.VideoFrame


@dataclass
class Clip:
    """An open clip. Made by `open_clip`.

    Attributes:
        height, width: of the upright frames.
        seconds: what the header says, None where it says nothing; a claim, as is `frames`.
        notes: sentences on what of it could not be decoded; complete when `items` has come to its end.
    """

    container: av.container.InputContainer
    video: av.VideoStream
    sound: av.AudioStream | None
    limits: ClipLimits
    turn: Turn
    height: int
    width: int
    first: av.VideoFrame
    notes: list[str] = field(default_factory=list)

    @property
    def codec(self) -> str:
        return CODECS[_codec_of(self.video)]

    @property
    def time_base(self) -> Fraction:
        return self.video.time_base or Fraction(1, 90_000)

    @property
    def rate(self) -> Fraction:
        """Frames a second, on the average; where the header says nothing that can be, 25."""
        told = self.video.average_rate or self.video.guessed_rate or _USUAL_RATE
        return told if _SLOWEST <= told <= _QUICKEST else _USUAL_RATE

    @property
    def seconds(self) -> float | None:
        return _claimed_seconds(self.container, self.video)

    @property
    def frames(self) -> int | None:
        if self.video.frames > 0:
            return self.video.frames
        return None if self.seconds is None else max(1, round(self.seconds * self.rate))

    @property
    def colorspace(self) -> int:
        """The matrix between YUV and RGB, as H.273 numbers it; what players take where the file does not say."""
        told = int(self.first.colorspace)
        if told in (1, 4, 5, 6, 7, 9, 10):
            return told
        return 1 if max(self.first.height, self.first.width * 9 // 16) >= _HD_ROWS else 6

    def image(self, frame: Frame) -> UInt8Array:
        """The frame upright: uint8 [height, width, 3] RGB."""
        source = Colorspace.ITU709 if self.colorspace == 1 else None
        rgb = frame.video.reformat(format="rgb24", src_colorspace=source, threads=1).to_ndarray()
        return np.ascontiguousarray(turned(np.asarray(rgb, np.uint8), self.turn))

    def items(self) -> Iterator[Frame | av.Packet]:
        """Every frame that can be decoded, and between them the packets of the sound.

        Raises:
            ClipError: the clip is longer, or has more frames, than allowed.
        """
        reading = _Reading(self)
        for packet in reading.packets():
            if packet.stream is self.sound:
                if packet.dts is not None:
                    yield packet
                continue
            for video in reading.decode(packet):
                if (video.height, video.width) != (self.first.height, self.first.width):
                    self.notes.append(
                        f"The frames change their size after {reading.seconds:.1f} s; what comes then is left out."
                    )
                    return
                yield reading.frame(video)
        reading.conclude()


class _Reading:
    """One pass over a clip: how far it came, and what was damaged on the way."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._start: int | None = None
        self._last: int | None = None
        self._count = 0
        self._undecodable = 0
        self._corrupt = 0
        self._broken = False
        self.seconds = 0.0

    def packets(self) -> Iterator[av.Packet]:
        clip = self._clip
        clip.container.seek(0)
        streams = [clip.video] if clip.sound is None else [clip.video, clip.sound]
        try:
            yield from clip.container.demux(*streams)
        except FFmpegError:
            self._broken = True

    def decode(self, packet: av.Packet) -> list[av.VideoFrame]:
        try:
            frames = packet.decode()
        except FFmpegError:
            self._undecodable += 1
            return []
        return [frame for frame in frames if isinstance(frame, av.VideoFrame)]

    def frame(self, video: av.VideoFrame) -> Frame:
        clip, step = self._clip, max(1, round(1 / (self._clip.rate * self._clip.time_base)))
        pts = video.pts
        if pts is None:
            pts = 0 if self._last is None else self._last + step
        if self._last is not None and pts <= self._last:
            pts = self._last + 1
        if self._start is None:
            self._start = pts
        self._last = pts
        self.seconds = float((pts - self._start) * clip.time_base)
        check_seconds(self.seconds, clip.limits)
        check_frames(self._count + 1, clip.limits)
        self._corrupt += video.is_corrupt
        self._count += 1
        return Frame(self._count - 1, pts, self.seconds, video)

    def conclude(self) -> None:
        clip, claimed = self._clip, self._clip.seconds
        end = self.seconds + float(1 / clip.rate)
        if self._undecodable or self._corrupt:
            clip.notes.append(
                f"Parts of the clip are damaged: {self._undecodable} pieces could not be decoded, and "
                f"{self._corrupt} frames only in part."
            )
        if claimed is not None and end < claimed - max(_CUT_SHORT, 0.02 * claimed):
            clip.notes.append(f"The clip breaks off after {end:.1f} of {claimed:.1f} s.")
        elif self._broken:
            clip.notes.append(f"The file is damaged after {end:.1f} s; what comes then is left out.")


@contextmanager
def open_clip(path: Path, limits: ClipLimits) -> Iterator[Clip]:
    """Open a clip; its size, its length and its first frame are looked at, in this order.

    Raises:
        ClipError: no clip that can be read, or larger than allowed; says why.
        OSError: the file cannot be read.
    """
    check_bytes(path.stat().st_size, limits)
    with path.open("rb") as file:
        container_kind = container_of(file.read(16))
    try:
        container = av.open(
            str(path), format=container_kind, options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except FFmpegError as error:
        raise ClipError(_NO_CLIP) from error
    with container:
        yield _opened(container, limits)


def _opened(container: av.container.InputContainer, limits: ClipLimits) -> Clip:
    pictures = [stream for stream in container.streams.video if Disposition.attached_pic not in stream.disposition]
    if not pictures:
        raise ClipError("The file holds no moving pictures; send a clip with some.", 415)
    video = pictures[0]
    codec = _codec_of(video)
    if not codec:
        raise ClipError(_NO_CLIP)
    if codec not in CODECS:
        raise ClipError(
            f"The clip's pictures are {codec}; {', '.join(CODECS.values())} can be read. "
            "Convert it, for instance with ffmpeg -i clip clip.mp4.",
            415,
        )
    check_pixels(video.codec_context.width, video.codec_context.height, limits)
    claimed = _claimed_seconds(container, video)
    if claimed is not None:
        check_seconds(claimed, limits)
    check_frames(video.frames, limits)
    video.codec_context.options = {"max_pixels": str(limits.pixels)}  # a later header may claim other sizes
    video.thread_type, video.codec_context.thread_count = "AUTO", available_cpus()
    first = _first_frame(container, video)
    check_pixels(first.width, first.height, limits)
    turn = turn_of(first)
    height, width = (first.width, first.height) if swaps_sides(turn) else (first.height, first.width)
    sound = container.streams.audio[0] if container.streams.audio else None
    return Clip(container, video, sound, limits, turn, height, width, first)


def _first_frame(container: av.container.InputContainer, video: av.VideoStream) -> av.VideoFrame:
    try:
        for packet in container.demux(video):
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame):
                    return frame
    except FFmpegError as error:
        raise ClipError("No frame of the clip can be decoded; it is damaged.") from error
    raise ClipError("No frame of the clip can be decoded; it is damaged, or holds none.")


def _codec_of(video: av.VideoStream) -> str:
    context = video.codec_context
    return context.codec.canonical_name if context is not None else ""


def _claimed_seconds(container: av.container.InputContainer, video: av.VideoStream) -> float | None:
    if video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    return None if container.duration is None else container.duration / av.time_base
