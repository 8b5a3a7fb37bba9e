"""Label maps to the compressed stream of a PNG, in one pass at about the speed of reading them.

A general compressor searches for repeats. In a label map we know where they are: a pixel mostly equals the one
above it. So each row is written as its difference to the row above (PNG filter type 2, "Up"), which is almost all
zeros, and runs of equal bytes become matches at distance 1 in one block of fixed Huffman codes (RFC 1951, 3.2.6).
The zlib checksum of a run follows from its length. Runs are found eight bytes at a time.

Worth (2-core Intel Xeon, least processor time of 25 interleaved rounds, DeepLabV3+'s masks at its card's pixel
budget): a whole PNG takes 1.6 ms at 2048x1024 in place of 5.5 by numpy's filter and zlib's fastest settings (level 1,
`Z_RLE`) and 10 by Pillow, 7 to 9 % of a request of 45 to 53 ms; 5.3 in place of 30 and 52 at 4000x3000. At 1024x512
it is 0.6 in place of 1.5 and 3.0, at 480x360 0.3 in place of 0.4 and 1.1. Runs found byte by byte would take 2.3 to
4.0 ms at 2048x1024 in place of 1.2 to 1.4. zlib's files are smaller: 13 kB in place of 31 at 2048x1024.
"""

import numpy as np
import numpy.typing as npt
from numba import int64, njit, uint8, uint32, uint64
from numba.core.types import Array, UniTuple

UInt8Array = npt.NDArray[np.uint8]

_ADLER_BASE = 65521  # RFC 1950
_UP = 2  # PNG filter type
_LONGEST = 258  # RFC 1951: longest match


def deflate_labels(labels_HW: UInt8Array) -> memoryview:
    """The zlib stream (RFC 1950) of a label map's rows, each with filter type Up, for a PNG's IDAT chunk.

    Args:
        labels_HW: uint8 [height, width], one byte a pixel.
    """
    height, width = labels_HW.shape
    words = np.empty((9 * height * (width + 1) + 64) // 32 + 2, "<u4")  # worst case: all literals of 9 bits
    count, adler = _deflate(np.ascontiguousarray(labels_HW), words)
    stream = words.view(np.uint8)[: count + 4]
    stream[count:] = np.array([adler], ">u4").view(np.uint8)
    return stream.data


def _reversed_bits(code: int, length: int) -> int:
    """Huffman codes enter the stream from their highest bit, everything else from its lowest."""
    return int(f"{code:0{length}b}"[::-1], 2)


def _symbol(symbol: int) -> tuple[int, int]:
    """Fixed Huffman code of a literal or length symbol as (bits in stream order, how many)."""
    for first, last, code, length in ((0, 143, 48, 8), (144, 255, 400, 9), (256, 279, 0, 7), (280, 287, 192, 8)):
        if first <= symbol <= last:
            return _reversed_bits(code + symbol - first, length), length
    raise ValueError(f"{symbol} is no deflate symbol")


def _match(length: int) -> tuple[int, int]:
    """A match of `length` bytes at distance 1, as (bits in stream order, how many)."""
    if length == _LONGEST:
        symbol, extra_bits, extra = 285, 0, 0
    elif length < 11:
        symbol, extra_bits, extra = 254 + length, 0, 0
    else:
        extra_bits = (length - 3).bit_length() - 3
        symbol = 261 + 4 * extra_bits + ((length - 3 >> extra_bits) - 4)
        extra = length - 3 & (1 << extra_bits) - 1
    bits, size = _symbol(symbol)
    return bits | extra << size, size + extra_bits + 5  # distance 1 is the five-bit code 00000


_LITERALS = np.array([_symbol(value) for value in range(256)], np.uint64)
_MATCHES = np.array([(0, 0)] * 3 + [_match(length) for length in range(3, _LONGEST + 1)], np.uint64)
_LITERAL_BITS, _LITERAL_SIZE = np.ascontiguousarray(_LITERALS.T)
_MATCH_BITS, _MATCH_SIZE = np.ascontiguousarray(_MATCHES.T)


@njit(inline="always")
def _put(words, pending, filled, position, bits, size):  # type: ignore[no-untyped-def]
    """Append `size` <= 31 bits; the state is (bits not yet written, how many, words written)."""
    pending |= bits << filled
    filled += size
    if filled >= uint64(32):
        words[position] = uint32(pending & uint64(0xFFFFFFFF))
        pending >>= uint64(32)
        filled -= uint64(32)
        position += uint64(1)
    return pending, filled, position


@njit(inline="always")
def _run_end(bytes_, eights, x, width, value):  # type: ignore[no-untyped-def]
    """First position from x on that differs from `value`; `eights` are the same bytes, eight at once."""
    while x < width and x & 7 and bytes_[x] == value:
        x += 1
    if x & 7 == 0:
        pattern = uint64(value) * uint64(0x0101010101010101)
        word = x >> 3
        while word < width >> 3 and eights[word] == pattern:
            word += 1
        x = word << 3
    while x < width and bytes_[x] == value:
        x += 1
    return x


@njit(UniTuple(int64, 2)(Array(uint8, 2, "C", readonly=True), uint32[::1]), cache=True, nogil=True)
def _deflate(labels, words):  # type: ignore[no-untyped-def]
    """Fill `words` with the stream but its checksum; returns (bytes written, checksum)."""
    height, width = labels.shape
    # zlib header 0x78 0x01, then: last block, fixed Huffman codes (bits 1, 1, 0).
    pending, filled, position = uint64(0x78 | 0x01 << 8 | 0b011 << 16), uint64(19), uint64(0)
    a, b = int64(1), int64(0)
    eights = np.zeros(width // 8 + 1, np.uint64)
    row = eights.view(np.uint8)  # the filtered row
    for y in range(height):
        current = labels[y]
        if y == 0:
            row[:width] = current
        else:
            above = labels[y - 1]
            for x in range(width):
                row[x] = current[x] - above[x]
        pending, filled, position = _put(words, pending, filled, position, _LITERAL_BITS[_UP], _LITERAL_SIZE[_UP])
        a += _UP
        b += a
        x = 0
        while x < width:
            value = row[x]
            end = x + 1
            if end < width and row[end] == value:
                end = _run_end(row, eights, end + 1, width, value)
            length = int64(end - x)
            # Sum over the run of a + value, a + 2 value, …
            b += length * a + int64(value) * (length * (length + 1) // 2)
            a += int64(value) * length
            x = end
            bits, size = _LITERAL_BITS[value], _LITERAL_SIZE[value]
            pending, filled, position = _put(words, pending, filled, position, bits, size)
            length -= 1
            while length >= 3:
                step = _LONGEST if length > _LONGEST else length
                pending, filled, position = _put(
                    words, pending, filled, position, _MATCH_BITS[step], _MATCH_SIZE[step]
                )
                length -= step
            for _ in range(length):
                pending, filled, position = _put(words, pending, filled, position, bits, size)
        # Once a row is enough: a row of a million pixels keeps b below 2**48.
        a %= _ADLER_BASE
        b %= _ADLER_BASE
    # End of block is seven zero bits; then up to the next whole byte.
    pending, filled, position = _put(words, pending, filled, position, uint64(0), uint64(7))
    words[position] = uint32(pending)
    return int64(position) * 4 + (int64(filled) + 7) // 8, b << 16 | a
