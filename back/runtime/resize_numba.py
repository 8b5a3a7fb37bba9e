"""Pillow's bilinear resizing of RGB photos in half its time, to the very byte.

The weights are Pillow's: a triangle as wide as the pixels that fall on one (or two pixels where it enlarges), in
whole numbers of 22 bits; across first, rounded to 8 bits, then down, as Pillow does with photos that are not taller
than wide and keep their shape. What saves the time is that two rows are summed in one 64-bit number, since none of
their sums passes 30 bits. Processor time on one thread (2-core AMD EPYC, medians of 25 interleaved rounds): 2.8 ms
in place of 5.7 from 1280x720 to 640x360, 6.8 in place of 12.5 from 2048x1024 to 1024x512; of a clip of 1280x720 3
to 4 %.

To just half of the size, which a `photo_share` of a quarter makes of most photos, it takes an eighth of that: 0.23 ms
in place of 1.9 from 1280x720, 0.56 in place of 4.3 from 2048x1024 (another EPYC, medians of 40 interleaved rounds).
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numba import int32, njit, uint8, uint16, void
from numba import int64 as i64
from numba.core.types import Array

UInt8Array = npt.NDArray[np.uint8]
_BITS = 22  # Pillow's PRECISION_BITS for 8-bit channels


def resize_bilinear(image_HWC: UInt8Array, out_HWC: UInt8Array) -> None:
    """What `Image.resize((new width, height), BILINEAR).resize((new width, new height), BILINEAR)` gives.

    Args:
        image_HWC: uint8 [height, width, 3], its rows without gaps.
        out_HWC: uint8 [new height, new width, 3], written; may be part of a larger array.
    """
    height, width = image_HWC.shape[:2]
    new_height, new_width = out_HWC.shape[:2]
    first_x, weights_x = _weights(width, new_width)
    first_y, weights_y = _weights(height, new_height)
    rows = image_HWC.reshape(height, width * 3)
    if (height, width) == (2 * new_height, 2 * new_width) and min(new_height, new_width) > 2:
        _halve(rows, weights_x, weights_y, out_HWC)
    else:
        _resize(rows, first_x, weights_x, first_y, weights_y, out_HWC)


@lru_cache(maxsize=64)
def _weights(size: int, new_size: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """For each new pixel the first old one that counts, int32 [new], and weights from there on, int32 [new, taps]."""
    scale = size / new_size
    reach = max(scale, 1.0)
    centres = (np.arange(new_size) + 0.5) * scale
    first = np.maximum((centres - reach + 0.5).astype(np.int64), 0)
    counts = np.minimum((centres + reach + 0.5).astype(np.int64), size) - first
    taps = int(counts.max())
    places = np.arange(taps)
    weights = np.maximum(1 - np.abs((places + first[:, None] - centres[:, None] + 0.5) * (1 / reach)), 0.0)
    weights[places >= counts[:, None]] = 0.0
    total = np.zeros(new_size)
    for tap in range(taps):  # one after the other, as Pillow adds them: the last bit counts
        total += weights[:, tap]
    whole = (weights / total[:, None] * (1 << _BITS) + 0.5).astype(np.int32)
    # At the right end fewer pixels count than elsewhere: begin earlier there, with weights of nought.
    for new in np.flatnonzero(first + taps > size):
        late = int(first[new]) + taps - size
        whole[new] = np.roll(whole[new], late)
        first[new] -= late
    return first.astype(np.int32), np.ascontiguousarray(whole)


@njit(
    void(
        Array(uint8, 2, "C", readonly=True),
        int32[::1],
        int32[:, ::1],
        int32[::1],
        int32[:, ::1],
        uint8[:, :, :],
    ),
    cache=True,
    nogil=True,
)
def _resize(image, first_x, weights_x, first_y, weights_y, out):  # type: ignore[no-untyped-def]
    height, values = image.shape
    new_height, new_width, taps, taps_y = first_y.size, first_x.size, weights_x.shape[1], weights_y.shape[1]
    kept = taps_y + 1  # rows, in turn; one more, since two are made at once
    across = np.empty((kept, new_width * 3), np.uint8)
    pairs = np.empty(values, np.int64)
    sums = np.empty(new_width * 3, np.int32)
    half = i64((1 << 21) | (1 << 53))  # of both sums, to round
    done = 0
    for y in range(new_height):
        top = i64(first_y[y])
        done = max(done, top)
        while done < top + taps_y:
            upper, lower = image[done], image[min(done + 1, height - 1)]
            for i in range(values):
                pairs[i] = i64(upper[i]) | (i64(lower[i]) << 32)
            over, under = across[done % kept], across[(done + 1) % kept]
            for x in range(new_width):
                place = i64(first_x[x]) * 3
                red = green = blue = half
                for tap in range(taps):
                    weight = i64(weights_x[x, tap])
                    red += weight * pairs[place]
                    green += weight * pairs[place + 1]
                    blue += weight * pairs[place + 2]
                    place += 3
                over[x * 3], under[x * 3] = uint8(red >> 22), uint8(red >> 54)
                over[x * 3 + 1], under[x * 3 + 1] = uint8(green >> 22), uint8(green >> 54)
                over[x * 3 + 2], under[x * 3 + 2] = uint8(blue >> 22), uint8(blue >> 54)
            done += 2
        sums[:] = 1 << 21
        for tap in range(taps_y):
            weight_y, row = weights_y[y, tap], across[(top + tap) % kept]
            for i in range(sums.size):
                sums[i] += weight_y * int32(row[i])
        for x in range(new_width):
            for channel in range(3):
                out[y, x, channel] = uint8(sums[x * 3 + channel] >> 22)


@njit(void(Array(uint8, 2, "C", readonly=True), int32[:, ::1], int32[:, ::1], uint8[:, :, :]), cache=True, nogil=True)
def _halve(image, weights_x, weights_y, out):  # type: ignore[no-untyped-def]
    """To half of the height and width, where all but the pixels at the rim have the weights 1, 3, 3 and 1 over 8.

    Each row is summed at every pixel, though every other one is wanted: so neighbours lie side by side, and the
    compiler sums many at once.
    """
    height, values = image.shape
    new_height, new_width = out.shape[0], out.shape[1]
    across = np.empty((4, values), np.uint8)
    down = np.empty(values, np.uint8)
    done = 0
    for y in range(new_height):
        top = min(max(2 * y - 1, 0), height - 4)
        while done < top + 4:
            row, over = image[done], across[done & 3]
            for i in range(3, values - 6):
                outer = uint16(row[i - 3]) + uint16(row[i + 6])
                inner = uint16(row[i]) + uint16(row[i + 3])
                over[i] = uint8((outer + uint16(3) * inner + uint16(4)) >> 3)
            for channel in range(3):
                left = right = int32(1 << 21)
                for tap in range(4):
                    left += weights_x[0, tap] * int32(row[3 * tap + channel])
                    right += weights_x[-1, tap] * int32(row[values - 12 + 3 * tap + channel])
                over[channel], over[values - 6 + channel] = uint8(left >> 22), uint8(right >> 22)
            done += 1
        a, b, c, d = across[top & 3], across[(top + 1) & 3], across[(top + 2) & 3], across[(top + 3) & 3]
        if 0 < y < new_height - 1:
            for i in range(values):
                outer = uint16(a[i]) + uint16(d[i])
                inner = uint16(b[i]) + uint16(c[i])
                down[i] = uint8((outer + uint16(3) * inner + uint16(4)) >> 3)
        else:
            for i in range(values):
                weighted = weights_y[y, 0] * int32(a[i]) + weights_y[y, 1] * int32(b[i])
                weighted += weights_y[y, 2] * int32(c[i]) + weights_y[y, 3] * int32(d[i])
                down[i] = uint8((weighted + int32(1 << 21)) >> 22)
        for x in range(new_width):
            for channel in range(3):
                out[y, x, channel] = down[x * 6 + channel]
