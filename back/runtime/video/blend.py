"""Class colours over a frame as it was decoded: on its brightness and colour planes, with no way over RGB and back.

Blending is linear, and so is the step between RGB and YUV, so the result is that of blending in RGB up to rounding;
but of the light lines over dark classes, which `hatch` draws, only the brightness is added: such a class has little
colour.
"""

from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from numba import njit, uint8, uint32, void
from numba.core.types import Array

from back.runtime.masks.hatch import hatches_of, lines_over, with_lines
from back.runtime.video.turn import Turn, turned

UInt8Array = npt.NDArray[np.uint8]
# Red's and blue's share of brightness by H.273's number of the matrix.
_SHARES = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT601 = (0.299, 0.114)
FULL_RANGE = 2  # AVCOL_RANGE_JPEG


def to_yuv(colours_N3: UInt8Array, colorspace: int, full_range: bool) -> npt.NDArray[np.float64]:
    """Colours, uint8 [N, 3] RGB, as 8-bit YUV values, float64 [N, 3], by the matrix of this number (ITU-T H.273)."""
    red, blue = _SHARES.get(colorspace, _BT601)
    r, g, b = colours_N3.astype(np.float64).T / 255
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    if full_range:
        return np.stack((255 * y, 128 + 255 * u, 128 + 255 * v), 1)
    return np.stack((16 + 219 * y, 128 + 224 * u, 128 + 224 * v), 1)


class Blender:
    """Lays the colours of label maps over the frames of one clip.

    Args:
        palette: uint8 [classes, 3] RGB.
        opacity: 0 shows the clip alone, 1 the colours alone.
        colorspace, full_range: of the clip, see `to_yuv`.
        turn: that makes its frames upright.
    """

    def __init__(self, palette: UInt8Array, opacity: float, colorspace: int, full_range: bool, turn: Turn) -> None:
        weight = round(opacity * 256)
        self._added = np.zeros((3, 256), np.uint32)
        self._kept = np.full(256, 256, np.uint32)  # ids without a colour leave the frame as it is
        yuv = to_yuv(palette, colorspace, full_range)
        self._added[:, : len(palette)] = np.rint(yuv.T * weight)
        self._kept[: len(palette)] = 256 - weight
        white = 255 if full_range else 235
        self._brightness = with_lines(self._added[0], self._kept, opacity, white)
        self._hatches = hatches_of(palette)
        self._turn = turn
        self._target = "yuvj420p" if full_range else "yuv420p"

    def blend(self, frame: av.VideoFrame, labels_HW: UInt8Array) -> av.VideoFrame:
        """A new yuv420p frame, upright.

        An odd height or width, which H.264 does not have, is made even by repeating the last row or column.
        """
        if frame.format.name not in ("yuv420p", "yuvj420p"):
            frame = frame.reformat(format=self._target, threads=1)
        height, width = labels_HW.shape
        out = av.VideoFrame(width + width % 2, height + height % 2, "yuv420p")
        source = [turned(_plane(frame, index), self._turn) for index in range(3)]
        target = [_plane(out, index) for index in range(3)]
        labels_HW = np.ascontiguousarray(labels_HW)
        lines = lines_over(height, width)
        _blend_brightness(source[0], labels_HW, lines, self._hatches, *self._brightness, target[0])
        for index in (1, 2):
            _blend_colour(source[index], labels_HW, self._added[index], self._kept, target[index])
        return out


def _plane(frame: av.VideoFrame, index: int) -> UInt8Array:
    """A view of a frame's 8-bit plane, uint8 [rows, columns]."""
    plane = frame.planes[index]
    rows = np.frombuffer(cast(Any, plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


@njit(
    void(
        Array(uint8, 2, "A", readonly=True),
        Array(uint8, 2, "C", readonly=True),
        Array(uint8, 2, "C", readonly=True),
        uint8[::1],
        uint32[:, ::1],
        uint32[:, ::1],
        uint8[:, :],
    ),
    cache=True,
    nogil=True,
)
def _blend_brightness(source, labels, lines, hatches, added, kept, out):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    step = lines.shape[0]
    for y in range(height):
        row = lines[y % step]
        for x in range(width):
            label = labels[y, x]
            out[y, x] = uint8((source[y, x] * kept[0, label] + added[0, label] + uint32(128)) >> uint32(8))
        for left in range(0, width, step):  # again, where a line is: to ask at every pixel costs twice as much
            for place in range(min(step, width - left)):
                if row[place] and hatches[labels[y, left + place]] & row[place]:
                    x = left + place
                    label = labels[y, x]
                    out[y, x] = uint8((source[y, x] * kept[1, label] + added[1, label] + uint32(128)) >> uint32(8))
        if out.shape[1] > width:
            out[y, width] = out[y, width - 1]
    if out.shape[0] > height:
        for x in range(out.shape[1]):
            out[height, x] = out[height - 1, x]


@njit(
    void(
        Array(uint8, 2, "A", readonly=True),
        Array(uint8, 2, "C", readonly=True),
        uint32[::1],
        uint32[::1],
        uint8[:, :],
    ),
    cache=True,
    nogil=True,
)
def _blend_colour(source, labels, added, kept, out):  # type: ignore[no-untyped-def]
    """Each value stands for two by two pixels, which may be of different classes."""
    height, width = labels.shape
    for y in range(out.shape[0]):
        y0 = 2 * y
        y1 = min(y0 + 1, height - 1)
        for x in range(out.shape[1]):
            x0 = 2 * x
            x1 = min(x0 + 1, width - 1)
            a, b, c, d = labels[y0, x0], labels[y0, x1], labels[y1, x0], labels[y1, x1]
            keep = kept[a] + kept[b] + kept[c] + kept[d]
            add = added[a] + added[b] + added[c] + added[d]
            out[y, x] = uint8((source[y, x] * keep + add + uint32(512)) >> uint32(10))
