"""Class colours over a frame as it was decoded: on its brightness and colour planes, with no way over RGB and back.

Blending is linear, and so is the step between RGB and YUV, so the result is that of blending in RGB up to rounding;
but of the light lines over dark classes, which `hatch` draws, only the brightness is added: such a class has little
colour.
"""

from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from numba import njit, uint8, uint32, uint64, void
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
        added = np.zeros((3, 256), np.uint32)
        kept = np.full(256, 256, np.uint32)  # ids without a colour leave the frame as it is
        yuv = to_yuv(palette, colorspace, full_range)
        added[:, : len(palette)] = np.rint(yuv.T * weight)
        kept[: len(palette)] = 256 - weight
        self._packed = _pack(added, kept)
        white = 255 if full_range else 235
        self._brightness = with_lines(added[0], kept, opacity, white)
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
        y, u, v = (turned(_plane(frame, index), self._turn) for index in range(3))
        y_out, u_out, v_out = (_plane(out, index) for index in range(3))
        labels_HW = np.ascontiguousarray(labels_HW)
        lines = lines_over(height, width)
        _blend(y, u, v, labels_HW, self._packed, y_out, u_out, v_out)
        _draw_lines(y, labels_HW, lines, self._hatches, *self._brightness, y_out)
        return out


def _plane(frame: av.VideoFrame, index: int) -> UInt8Array:
    """A view of a frame's 8-bit plane, uint8 [rows, columns]."""
    plane = frame.planes[index]
    rows = np.frombuffer(cast(Any, plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _pack(added_3N: npt.NDArray[np.uint32], kept_N: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """What each id adds to Y, U and V and what is kept of them, in one number: 16, 18, 18 and 11 bits from the right.

    Four of the last three can be summed without a carry into their neighbours.
    """
    y, u, v = added_3N.astype(np.uint64)
    return np.ascontiguousarray(
        y | u << np.uint64(16) | v << np.uint64(34) | kept_N.astype(np.uint64) << np.uint64(52)
    )


_PLANE, _LABELS = Array(uint8, 2, "A", readonly=True), Array(uint8, 2, "C", readonly=True)
_OUT = uint8[:, :]


@njit(inline="always")
def _blended(value, packed):  # type: ignore[no-untyped-def]
    return uint8((value * (packed >> uint64(52)) + (packed & uint64(0xFFFF)) + uint64(128)) >> uint64(8))


@njit(void(_PLANE, _PLANE, _PLANE, _LABELS, uint64[::1], _OUT, _OUT, _OUT), cache=True, nogil=True)
def _blend(y_plane, u_plane, v_plane, labels, packed, y_out, u_out, v_out):  # type: ignore[no-untyped-def]
    """Two by two pixels at a time, which may be of different classes and share one U and one V.

    An odd side's last pixel stands for the one that would come after it, too.
    """
    height, width = labels.shape
    for row in range(u_out.shape[0]):
        y0 = 2 * row
        y1 = min(y0 + 1, height - 1)
        for column in range(u_out.shape[1]):
            x0 = 2 * column
            x1 = min(x0 + 1, width - 1)
            a, b = packed[labels[y0, x0]], packed[labels[y0, x1]]
            c, d = packed[labels[y1, x0]], packed[labels[y1, x1]]
            y_out[y0, x0] = _blended(y_plane[y0, x0], a)
            y_out[y0, x0 + 1] = _blended(y_plane[y0, x1], b)
            y_out[y0 + 1, x0] = _blended(y_plane[y1, x0], c)
            y_out[y0 + 1, x0 + 1] = _blended(y_plane[y1, x1], d)
            total = (a >> uint64(16)) + (b >> uint64(16)) + (c >> uint64(16)) + (d >> uint64(16))
            keep = total >> uint64(36)
            u, v = total & uint64(0x3FFFF), (total >> uint64(18)) & uint64(0x3FFFF)
            u_out[row, column] = uint8((u_plane[row, column] * keep + u + uint64(512)) >> uint64(10))
            v_out[row, column] = uint8((v_plane[row, column] * keep + v + uint64(512)) >> uint64(10))


@njit(void(_PLANE, _LABELS, _LABELS, uint8[::1], uint32[:, ::1], uint32[:, ::1], _OUT), cache=True, nogil=True)
def _draw_lines(source, labels, lines, hatches, added, kept, out):  # type: ignore[no-untyped-def]
    """The pixels anew on which a line lies: to ask at every pixel while blending costs twice as much."""
    height, width = labels.shape
    step = lines.shape[0]
    places = np.empty(step, np.int64)
    for y in range(height):
        row, count = lines[y % step], 0
        for place in range(step):
            if row[place]:
                places[count] = place
                count += 1
        for left in range(0, width, step):
            for place in places[:count]:
                x = left + place
                if x < width and hatches[labels[y, x]] & row[place]:
                    label = labels[y, x]
                    out[y, x] = uint8((source[y, x] * kept[1, label] + added[1, label] + uint32(128)) >> uint32(8))
        if out.shape[1] > width:
            out[y, width] = out[y, width - 1]
    if out.shape[0] > height:
        for x in range(out.shape[1]):
            out[height, x] = out[height - 1, x]
