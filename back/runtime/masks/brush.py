"""Masks as Label Studio's brush: the run lengths of thi.ng/rle-pack over the bytes of an RGBA picture."""

import numpy as np
import numpy.typing as npt

_WORD_BITS = 8
_LENGTH_BITS = np.array([3, 4, 8, 16])  # a run's length, less one, takes the first of these that holds it
_LONGEST = 1 << 16
_CHANNELS = 4


def encode_brush(mask_HW: npt.NDArray[np.bool_]) -> list[int]:
    """The bytes of a brush that covers a mask, as `decode_rle` of label_studio_sdk.converter.brush reads them.

    A head of 32 bits (how many bytes follow unpacked), 5 (bits of a word, less one) and four times 4 (bits of the
    lengths, less one), then the runs: a 1 for "repeated", 2 bits that name one of the four, the length less one, the
    byte itself.

    Args:
        mask_HW: bool [height, width]; what is covered becomes 255 in all four channels, the rest 0.
    """
    flat = mask_HW.reshape(-1)
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    lengths = np.diff(np.concatenate((starts, [flat.size]))) * _CHANNELS
    pieces = -(-lengths // _LONGEST)  # of a run that is longer than one length can say
    values = np.repeat(np.where(flat[starts], 255, 0), pieces)
    piece_lengths = np.full(int(pieces.sum()), _LONGEST)
    piece_lengths[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * _LONGEST
    sizes = np.searchsorted(1 << _LENGTH_BITS, piece_lengths)
    bits = _LENGTH_BITS[sizes]
    codes = ((((0b100 | sizes) << bits) | (piece_lengths - 1)) << _WORD_BITS) | values
    widths = 3 + bits + _WORD_BITS
    # Each code at the left end of 32 bits; of these the first `width` count.
    unpacked = np.unpackbits((codes << (32 - widths)).astype(">u4").view(np.uint8).reshape(-1, 4), axis=1)
    body = unpacked[np.arange(32) < widths[:, None]]
    head = f"{flat.size * _CHANNELS:032b}{_WORD_BITS - 1:05b}" + "".join(f"{n - 1:04b}" for n in _LENGTH_BITS)
    packed: list[int] = np.packbits(np.concatenate((np.array(list(head), np.uint8), body))).tolist()
    return packed
