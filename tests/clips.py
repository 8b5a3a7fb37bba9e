"""Tiny clips for tests, written with whatever codec, times and turn a test asks for."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from back.jobs import jobs, turns
from back.runtime.taxonomy import STREET8
from tests.bundles import paint, stripes

UInt8Array = npt.NDArray[np.uint8]
RATE = 10


def moving_stripes(frames: int, height: int = 48, width: int = 96) -> list[UInt8Array]:
    """Pictures, uint8 [height, width, 3], of stripes in the classes' colours that move to the left."""
    labels_HW = stripes(height, width, 8)
    return [paint(np.roll(labels_HW, -3 * index, 1), STREET8) for index in range(frames)]


def make_clip(
    path: Path,
    pictures: Sequence[UInt8Array],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[float] | None = None,
    degrees: int = 0,
    sound: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Args:
        path: whose ending says the container.
        pictures: uint8 [height, width, 3] RGB.
        times: seconds at which each is shown; None: ten a second.
        degrees: by which the frames are to be turned to the right, as a phone writes it.
        sound: codec of a second of a tone a second; None for none.
    """
    quick = {"libx264": {"preset": "ultrafast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
             "libsvtav1": {"preset": "12"}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}  # fmt: skip
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=RATE, options=quick.get(codec, {}) | (options or {}))
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if degrees:
            stream.set_display_rotation(-degrees)
        tone = file.add_stream(sound, rate=48_000) if sound else None
        if tone is not None:
            for start in range(0, 48_000 * len(pictures) // RATE, 960):
                wave = np.sin(np.arange(start, start + 960) * 0.06).astype(np.float32)[None]
                frame = av.AudioFrame.from_ndarray(wave, format="flt", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
                file.mux(tone.encode(frame))
        for index, picture in enumerate(pictures):
            video = av.VideoFrame.from_ndarray(picture, format="rgb24")
            seconds = index / RATE if times is None else times[index]
            video.pts, video.time_base = round(1000 * seconds), Fraction(1, 1000)
            file.mux(stream.encode(video))
        file.mux(stream.encode())
        if tone is not None:
            file.mux(tone.encode())
    return path


def work_by(monkeypatch: pytest.MonkeyPatch, function: Callable[..., dict[str, Any]]) -> None:
    """Let jobs be looked at and worked on by a function in the place of `run_bounded`."""
    for module in (jobs, turns):
        monkeypatch.setattr(module, "run_bounded", function)
