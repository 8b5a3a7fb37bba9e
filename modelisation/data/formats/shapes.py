"""Outlines and run lengths: from polygons and RLE to pixels; `back.runtime.masks.rle` is the way back.

A polygon's corners are in pixels from the picture's upper left corner; a pixel belongs to it where its centre lies
inside, by the even-odd rule. COCO's RLE counts pixels column by column, beginning with those outside; its compressed
form is a string of six-bit groups with differences (`rleToString` in cocodataset/cocoapi, common/maskApi.c).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from modelisation.data.base import DatasetError

Mask = npt.NDArray[np.bool_]
Rings = Sequence[npt.ArrayLike]
MOST_PIXELS = 1 << 28


def fill(rings: Rings, height: int, width: int) -> Mask:
    """The pixels inside closed rings [[x, y], ...], holes among them: bool [height, width]."""
    mask = np.zeros((height, width), bool)
    starts, ends = [], []
    for ring in rings:
        points = np.asarray(ring, np.float64).reshape(-1, 2)
        if len(points) >= 3:
            starts.append(points)
            ends.append(np.roll(points, -1, axis=0))
    if not starts:
        return mask
    a, b = np.concatenate(starts), np.concatenate(ends)
    upward = a[:, 1] < b[:, 1]
    low, high = np.where(upward[:, None], a, b), np.where(upward[:, None], b, a)
    first = max(0, int(np.floor(low[:, 1].min() - 0.5)))
    last = min(height, int(np.ceil(high[:, 1].max() + 0.5)))
    for row in range(first, last):
        y = row + 0.5
        crossed = (low[:, 1] <= y) & (y < high[:, 1])
        if not crossed.any():
            continue
        p, q = low[crossed], high[crossed]
        x = np.sort(p[:, 0] + (y - p[:, 1]) * (q[:, 0] - p[:, 0]) / (q[:, 1] - p[:, 1]))
        edges = np.clip(np.ceil(x - 0.5), 0, width).astype(int)
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            mask[row, left:right] = True
    return mask


def from_rle(counts: str | Sequence[int], height: int, width: int, name: object = "RLE") -> Mask:
    """The pixels of a COCO RLE, compressed or not: bool [height, width].

    Raises:
        DatasetError: the counts are damaged, or do not add up to the picture's pixels.
    """
    runs = decompressed(counts, name) if isinstance(counts, str) else [int(count) for count in counts]
    if height * width > MOST_PIXELS or min(runs, default=0) < 0 or sum(runs) != height * width:
        raise DatasetError(f"{name}: run lengths of {sum(runs)} pixels do not fit a picture of {width}x{height}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(flat.reshape(width, height).T)


def decompressed(text: str, name: object = "RLE") -> list[int]:
    """Counts of COCO's compressed form."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise DatasetError(f"{name}: {character!r} is no part of a compressed RLE")
        value |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise DatasetError(f"{name}: the compressed RLE is cut off")
    return counts


def from_label_studio(packed: Sequence[int], height: int, width: int, name: object = "RLE") -> Mask:
    """The pixels of a Label Studio brush: bool [height, width].

    Its run lengths are those of thi.ng/rle-pack over the bytes of an RGBA picture, as `decode_rle` of
    label-studio-converter reads them: 32 bits size, 5 word size, four lengths' sizes of 4 bits, then runs.

    Raises:
        DatasetError: the data are cut off, or of another size than the picture.
    """
    try:
        bits = np.unpackbits(np.asarray(packed, np.uint8)).tolist()
    except (ValueError, TypeError, OverflowError) as error:
        raise DatasetError(f"{name}: the brush's RLE is no list of bytes ({error})") from error
    place = 0

    def take(count: int) -> int:
        nonlocal place
        value = 0
        for bit in bits[place : place + count]:
            value = value << 1 | bit
        place += count
        if place > len(bits):
            raise DatasetError(f"{name}: the brush's RLE is cut off")
        return value

    size, word = take(32), take(5) + 1
    lengths = [take(4) + 1 for _ in range(4)]
    if size != height * width * 4 or height * width > MOST_PIXELS:
        raise DatasetError(f"{name}: a brush of {size} bytes does not fit a picture of {width}x{height}")
    data = np.zeros(size, np.uint8)
    at = 0
    while at < size:
        repeated = take(1)
        end = at + 1 + take(lengths[take(2)])
        if repeated:
            data[at:end] = take(word)
        else:
            for index in range(at, min(end, size)):
                data[index] = take(word)
        at = end
    return data.reshape(height, width, 4)[..., 3] > 0
