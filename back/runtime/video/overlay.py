"""The overlay as an MP4 file: H.264 pictures with the clip's own times, and its sound beside them."""

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from back.runtime.process.threads import available_cpus
from back.runtime.video.blend import FULL_RANGE, Blender
from back.runtime.video.clip import Clip, Frame
from back.runtime.video.turn import swaps_sides

UInt8Array = npt.NDArray[np.uint8]
# What players read in an MP4 everywhere; other sound is encoded anew as AAC.
_COPIED_SOUND = ("aac", "mp3")
# Of x264's presets the one whose time still does not show beside the network's; see docs/performance.md.
_PRESET, _QUALITY = "superfast", "23"
_FINEST = 1_000_000  # ticks a second
_KEY_SECONDS = 2  # between frames at which a player can begin


class OverlayWriter:
    """Writes the frames of one clip with their colours. Close it, or the file is none.

    Args:
        path: the file, which is written over.
        clip: whose frames and sound will come.
        palette: uint8 [classes, 3] RGB.
        opacity: of the colours, 0..1.
        every: only every Nth frame comes.
    """

    def __init__(self, path: Path, clip: Clip, palette: UInt8Array, opacity: float, every: int) -> None:
        full_range = int(clip.first.color_range) == FULL_RANGE
        self._blender = Blender(palette, opacity, clip.colorspace, full_range, clip.turn)
        self._clip = clip
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        options = {"preset": _PRESET, "crf": _QUALITY}
        stream = self._file.add_stream("libx264", rate=clip.rate / every, options=options)
        stream.width, stream.height = clip.width + clip.width % 2, clip.height + clip.height % 2
        stream.pix_fmt = "yuv420p"
        # Finer than any camera's an MP4 cannot hold; times are rounded on the way.
        ticks = clip.time_base if clip.time_base.denominator <= _FINEST else Fraction(1, 90_000)
        stream.time_base = ticks
        context = stream.codec_context
        context.time_base = ticks
        context.thread_count = available_cpus()
        context.gop_size = max(1, round(_KEY_SECONDS * clip.rate / every))
        context.colorspace = clip.colorspace
        context.color_range = FULL_RANGE if full_range else 1
        shape = clip.video.sample_aspect_ratio
        if shape:
            context.sample_aspect_ratio = 1 / shape if swaps_sides(clip.turn) else shape
        self._stream = stream
        self._sound: av.AudioStream | None = None
        self._copies = False
        if clip.sound is not None:
            self._add_sound_stream(clip.sound)

    def add(self, frame: Frame, labels_HW: UInt8Array) -> av.VideoFrame:
        """Write one frame; returns what was written, YUV."""
        video = self._blender.blend(frame.video, labels_HW)
        video.pts, video.time_base = frame.pts, self._clip.time_base
        self._file.mux(self._stream.encode(video))
        return video

    def add_sound(self, packet: av.Packet) -> None:
        """Write a packet of the clip's sound, or what is heard in it where it must be encoded anew."""
        if self._sound is None:
            return
        try:
            if self._copies:
                packet.stream = self._sound
                self._file.mux(packet)
            else:
                for frame in packet.decode():
                    if isinstance(frame, av.AudioFrame):
                        self._file.mux(self._sound.encode(frame))
        except FFmpegError:
            self._sound_fails()

    def close(self) -> None:
        self._file.mux(self._stream.encode())
        if self._sound is not None and not self._copies:
            try:
                self._file.mux(self._sound.encode())
            except FFmpegError:
                self._sound_fails()
        self._file.close()

    def abandon(self) -> None:
        """Let the file go, unfinished."""
        with contextlib.suppress(FFmpegError):  # where nothing was written yet
            self._file.close()

    def _add_sound_stream(self, sound: av.AudioStream) -> None:
        try:
            codec = sound.codec_context.codec.canonical_name
            self._copies = codec in _COPIED_SOUND
            if self._copies:
                self._sound = self._file.add_stream_from_template(sound)
            else:
                self._sound = self._file.add_stream("aac", rate=sound.codec_context.sample_rate)
                self._sound.codec_context.layout = sound.codec_context.layout
        except (FFmpegError, ValueError, AttributeError):  # a codec that is not there, or a header that says nothing
            self._sound = None
            self._clip.notes.append("The clip's sound cannot be read and is left out.")

    def _sound_fails(self) -> None:
        sentence = "Parts of the clip's sound are damaged and left out."
        if sentence not in self._clip.notes:
            self._clip.notes.append(sentence)
