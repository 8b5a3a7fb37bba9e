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
from back.runtime.video.growing import GrowingFilm
from back.runtime.video.turn import swaps_sides

UInt8Array = npt.NDArray[np.uint8]
# What players read in an MP4 everywhere; other sound is encoded anew as AAC.
_COPIED_SOUND = ("aac", "mp3")
# Half the processor time of x264's preset "superfast" at its quality of 23, smaller files, and half a decibel better:
# 3.6 ms a frame in place of 8.0, 569 kB in place of 658, 52.5 dB in place of 51.9 (75 frames of 1280x720, 2-core AMD
# EPYC). What that preset spends more time on, the smooth colours of an overlay do not need.
_ENCODER = {"preset": "ultrafast", "crf": "22", "x264-params": "cabac=1:partitions=i4x4"}
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
        growing: where the film can be watched meanwhile, see `GrowingFilm`; deleted when it is done.
    """

    def __init__(
        self, path: Path, clip: Clip, palette: UInt8Array, opacity: float, every: int, growing: Path | None = None
    ) -> None:
        full_range = int(clip.first.color_range) == FULL_RANGE
        self._blender = Blender(palette, opacity, clip.colorspace, full_range, clip.turn)
        self._clip = clip
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        stream = self._file.add_stream("libx264", rate=clip.rate / every, options=dict(_ENCODER))
        stream.width, stream.height = clip.width + clip.width % 2, clip.height + clip.height % 2
        stream.pix_fmt = "yuv420p"
        # Finer than any camera's an MP4 cannot hold; times are rounded on the way.
        ticks = clip.time_base if clip.time_base.denominator <= _FINEST else Fraction(1, 90_000)
        stream.time_base = self._ticks = ticks
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
        self._growing_file = growing
        self._growing = None if growing is None else GrowingFilm(growing)
        self._sound: av.AudioStream | None = None
        self._copies = False
        if clip.sound is not None:
            self._add_sound_stream(clip.sound)

    def add(self, frame: Frame, labels_HW: UInt8Array) -> av.VideoFrame:
        """Write one frame; returns what was written, YUV."""
        video = self._blender.blend(frame.video, labels_HW)
        video.pts, video.time_base = frame.pts, self._clip.time_base
        packets = self._stream.encode(video)
        self._file.mux(packets)
        if self._growing is not None:
            self._growing.add(packets, self._stream, self._ticks)
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
        self._end_growing()

    def abandon(self) -> None:
        """Let the file go, unfinished."""
        self._end_growing()
        with contextlib.suppress(FFmpegError):  # where nothing was written yet
            self._file.close()

    def _end_growing(self) -> None:
        if self._growing is not None and self._growing_file is not None:
            self._growing.close()
            self._growing_file.unlink(missing_ok=True)

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
