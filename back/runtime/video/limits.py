"""What a clip may take, and the errors of clips. Needs no codec, so that the API can know it without loading any."""

from dataclasses import dataclass

from back.runtime.errors import InputError

SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv")
# What a process that labels a clip keeps up to date beside it; see `work`.
PREVIEW_FILE, GROWING_FILE = "preview.jpg", "growing.mp4"
FORMATS = "MP4, MOV, WEBM or MKV"
# No camera that people carry takes more, and a made-up file could claim millions.
_MAX_FRAMES_PER_SECOND = 120
# How the files begin, by the demuxer that reads them: no other is ever asked. (ISO/IEC 14496-12; RFC 8794.)
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_EBML = b"\x1aE\xdf\xa3"


class ClipError(InputError):
    """A clip that cannot be used: says why; `status` is what HTTP calls it."""


@dataclass(frozen=True)
class ClipLimits:
    """The largest clip that is read.

    Attributes:
        bytes: of the file.
        pixels: of one frame.
        seconds: of the whole clip, which may have 120 frames in each.
    """

    bytes: int
    pixels: int
    seconds: float

    @property
    def frames(self) -> int:
        return int(self.seconds * _MAX_FRAMES_PER_SECOND)


# For files of one's own: 8K, six hours.
OWN_FILES = ClipLimits(bytes=1 << 40, pixels=40_000_000, seconds=6 * 3600)


def container_of(head: bytes) -> str:
    """FFmpeg's name of the demuxer for a file that begins with these (at least eight) bytes.

    Raises:
        ClipError: 415, it is none of the four kinds.
    """
    if head[4:8] in _BOXES:
        return "mov"
    if head.startswith(_EBML):
        return "matroska"
    raise ClipError(f"The clip is no {FORMATS} file; convert it, for instance with ffmpeg -i clip clip.mp4.", 415)


def check_bytes(size: int, limits: ClipLimits) -> None:
    """Raises ClipError: 413, the file is larger than allowed, or 400, it is empty."""
    if size == 0:
        raise ClipError("The clip is an empty file; send it again.")
    if size > limits.bytes:
        raise ClipError(
            f"The clip has {size / 1e6:.1f} MB, more than the {limits.bytes / 1e6:g} MB allowed; send a shorter or "
            "more compressed one.",
            413,
        )


def check_pixels(width: int, height: int, limits: ClipLimits) -> None:
    """Raises ClipError: 413, a frame has more pixels than allowed, or 400, none."""
    if width < 1 or height < 1:
        raise ClipError("The clip has frames without pixels; it is damaged.")
    if width * height > limits.pixels:
        raise ClipError(
            f"The clip has frames of {width} x {height} pixels, more than the {limits.pixels / 1e6:g} megapixels "
            "allowed; send a smaller version.",
            413,
        )


def check_seconds(seconds: float, limits: ClipLimits) -> None:
    """Raises ClipError: 413, the clip is longer than allowed."""
    if seconds > limits.seconds:
        raise ClipError(
            f"The clip is longer than the {limits.seconds / 60:g} minutes allowed; send a part of it.", 413
        )


def check_frames(frames: int, limits: ClipLimits) -> None:
    """Raises ClipError: 413, the clip has more frames than allowed."""
    if frames > limits.frames:
        raise ClipError(f"The clip has more than the {limits.frames} frames allowed; send a part of it.", 413)
