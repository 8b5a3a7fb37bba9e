"""Photo files byte by byte, with what Chromium 156 shows of each (measured once; tests/browser measures it again)."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 16, 24
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
SHORT, LONG, TEXT = 3, 4, 2
EXIF_DIRECTORY, WIDTH_TAG, ORIENTATION = 0x8769, 0x0100, 0x0112

Entry = tuple[int, int, int, bytes]


def chunk(kind: bytes, body: bytes = b"", checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def ihdr(depth: int = 8, colour: int = 2, interlace: int = 0, height: int = HEIGHT, width: int = WIDTH) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def rows(pixels: npt.NDArray[np.generic]) -> bytes:
    """The unfiltered rows of a PNG."""
    kind = ">u2" if pixels.dtype == np.uint16 else "u1"
    return b"".join(b"\0" + row.astype(kind).tobytes() for row in pixels)


STREAM = zlib.compress(rows(PIXELS))
DATA, END = chunk(b"IDAT", STREAM), chunk(b"IEND")


def orientation_entry(value: int, order: str = "<", kind: int = SHORT, count: int = 1) -> Entry:
    return (ORIENTATION, kind, count, struct.pack(order + ("I" if kind == LONG else "H"), value))


def tiff(
    entries: Sequence[Entry], order: str = "<", rest: bytes = bytes(4), offset: int = 8, magic: int = 42
) -> bytes:
    """A block of EXIF data with one directory at `offset`."""
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", magic, offset)
    body = struct.pack(order + "H", len(entries))
    body += b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries)
    return head.ljust(offset, b"\0") + body + rest


def _with_exif_directory(outer: Sequence[Entry], value: int) -> bytes:
    inner = 8 + 2 + 12 * len(outer) + 4
    entries = [
        (tag, kind, count, struct.pack("<I", inner) if tag == EXIF_DIRECTORY else body)
        for tag, kind, count, body in outer
    ]
    return tiff(entries, rest=bytes(4) + tiff([orientation_entry(value)])[8:])


_POINTER = (EXIF_DIRECTORY, LONG, 1, b"")
_SIX = orientation_entry(6)
TURNED = tiff([_SIX])
# Name -> EXIF block and the orientation by which Chromium shows a JPEG that holds it.
EXIF = {
    **{f"value {value}": (tiff([orientation_entry(value)]), value) for value in range(1, 9)},
    "big-endian": (tiff([orientation_entry(6, ">")], ">"), 6),
    "value 0": (tiff([orientation_entry(0)]), 1),
    "value 9": (tiff([orientation_entry(9)]), 1),
    "value 65535": (tiff([orientation_entry(65535)]), 1),
    "text": (tiff([(ORIENTATION, TEXT, 2, b"6\0")]), 1),
    "32 bits": (tiff([orientation_entry(6, kind=LONG)]), 1),
    "a byte": (tiff([(ORIENTATION, 1, 1, b"\6")]), 1),
    "signed": (tiff([orientation_entry(6, kind=8)]), 1),
    "two values": (tiff([(ORIENTATION, SHORT, 2, b"\6\0\6\0")]), 1),
    "no value": (tiff([orientation_entry(6, count=0)]), 1),
    "more bytes behind the value": (tiff([(ORIENTATION, SHORT, 1, b"\6\0\1\1")]), 6),
    "text, then right": (tiff([(ORIENTATION, TEXT, 2, b"1\0"), _SIX]), 6),
    "9, then right": (tiff([orientation_entry(9), _SIX]), 6),
    "1, then 6": (tiff([orientation_entry(1), _SIX]), 1),
    "6, then 1": (tiff([_SIX, orientation_entry(1)]), 6),
    "in the Exif directory": (_with_exif_directory([_POINTER], 6), 6),
    "in both": (_with_exif_directory([orientation_entry(1), _POINTER], 6), 1),
    "in both, the pointer first": (_with_exif_directory([_POINTER, orientation_entry(1)], 6), 6),
    "a pointer of 16 bits": (_with_exif_directory([(EXIF_DIRECTORY, SHORT, 1, b"")], 6), 1),
    "in the directory of the preview": (
        tiff([(WIDTH_TAG, SHORT, 1, b"\1\0")], rest=struct.pack("<I", 26) + TURNED[8:]),
        1,
    ),
    "no end": (tiff([_SIX], rest=b""), 6),
    "more entries promised than there are": (TURNED[:8] + struct.pack("<H", 500) + TURNED[10:], 6),
    "entry cut off": (tiff([_SIX], rest=b"")[:-2], 1),
    "entry cut off behind another": (tiff([(WIDTH_TAG, SHORT, 1, b"\1\0"), _SIX], rest=b"")[:-4], 1),
    "directory at an odd place": (tiff([_SIX], offset=9), 6),
    "directory beyond the end": (TURNED[:4] + struct.pack("<I", 5000) + TURNED[8:], 1),
    "directory at the start": (TURNED[:4] + struct.pack("<I", 0) + TURNED[8:], 1),
    "wrong number of the format": (tiff([_SIX], magic=41), 1),
    "byte order in small letters": (b"ii" + TURNED[2:], 1),
    "byte order mixed up": (b"II" + tiff([orientation_entry(6, ">")], ">")[2:], 1),
    "garbage": (b"garbage", 1),
    "nothing": (b"", 1),
}


def segment(marker: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def exif_segment(block: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + block)


def plain_jpeg(pixels: Bytes = PIXELS, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def jpeg(*segments: bytes, late: Sequence[bytes] = ()) -> bytes:
    """A JPEG with segments at its start, or right before its scan."""
    data = plain_jpeg()
    scan = data.index(b"\xff\xda")
    return data[:2] + b"".join(segments) + data[2:scan] + b"".join(late) + data[scan:]


# Name -> JPEG and the orientation by which Chromium shows it.
JPEGS = {
    "none, then 6": (jpeg(exif_segment(tiff([])), exif_segment(TURNED)), 1),
    "1, then 6": (jpeg(exif_segment(tiff([orientation_entry(1)])), exif_segment(TURNED)), 1),
    "6, then 1": (jpeg(exif_segment(TURNED), exif_segment(tiff([orientation_entry(1)]))), 6),
    "garbage, then 6": (jpeg(exif_segment(b"garbage"), exif_segment(TURNED)), 1),
    "right before the scan": (jpeg(late=[exif_segment(TURNED)]), 6),
    "after the scan": (plain_jpeg()[:-2] + exif_segment(TURNED) + b"\xff\xd9", 1),
    "padded with ff": (jpeg(segment(0xE1, b"Exif\0\xff" + TURNED)), 6),
    "not padded": (jpeg(segment(0xE1, b"Exif" + TURNED)), 1),
    "in small letters": (jpeg(segment(0xE1, b"exif\0\0" + TURNED)), 1),
    "another segment": (jpeg(segment(0xE2, b"Exif\0\0" + TURNED)), 1),
    "XMP before": (jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), exif_segment(TURNED)), 6),
    "XMP alone": (jpeg(segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>')), 1),
    "fill bytes before": (jpeg(b"\xff" * 1000, exif_segment(TURNED)), 6),
    "stray zeros before": (jpeg(b"\xff\0\xff\0", exif_segment(TURNED)), 6),
    "a restart marker before": (jpeg(b"\xff\xd0", exif_segment(TURNED)), 6),
    "a segment of length 0": (jpeg(b"\xff\xe5\0\0", exif_segment(TURNED)), 6),
}


def _raw_profile(block: bytes) -> bytes:
    text = f"\nexif\n{len(block) + 6:8}\n{(b'Exif' + bytes(2) + block).hex()}\n"
    return chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode()))


_HALF = len(STREAM) // 2
# Name -> PNG of `PIXELS` and the orientation by which Chromium shows it.
PNGS = {
    "plain": (png(ihdr(), DATA, END), 1),
    "orientation": (png(ihdr(), chunk(b"eXIf", TURNED), DATA, END), 6),
    "orientation after the pixels": (png(ihdr(), DATA, chunk(b"eXIf", TURNED), END), 1),
    "orientation with a wrong checksum": (png(ihdr(), chunk(b"eXIf", TURNED, 0), DATA, END), 1),
    "orientation as in a JPEG": (png(ihdr(), chunk(b"eXIf", b"Exif\0\0" + TURNED), DATA, END), 1),
    "orientation with a wrong checksum, then right": (
        png(ihdr(), chunk(b"eXIf", tiff([orientation_entry(1)]), 0), chunk(b"eXIf", TURNED), DATA, END),
        6,
    ),
    "orientation twice": (png(ihdr(), chunk(b"eXIf", b"xx"), chunk(b"eXIf", TURNED), DATA, END), 1),
    "orientation in a text": (png(ihdr(), _raw_profile(TURNED), DATA, END), 1),
    "orientation before a palette": (png(ihdr(), chunk(b"eXIf", TURNED), chunk(b"PLTE", bytes(6)), DATA, END), 6),
    "3 MB of profile": (png(ihdr(), chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(3 << 20))), DATA, END), 1),
    "profile with a wrong checksum": (png(ihdr(), chunk(b"iCCP", b"x\0\0", 1), DATA, END), 1),
    "profile of unknown method": (png(ihdr(), chunk(b"iCCP", b"x\0\1abc"), DATA, END), 1),
    "2 MB of text": (png(ihdr(), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2 << 20))), DATA, END), 1),
    "2 MB of international text": (
        png(ihdr(), chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2 << 20))), DATA, END),
        1,
    ),
    "text after the pixels": (png(ihdr(), DATA, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2 << 20))), END), 1),
    "text of unknown method": (png(ihdr(), chunk(b"zTXt", b"a\0\7abc"), DATA, END), 1),
    "short gamma": (png(ihdr(), chunk(b"gAMA", b"1"), DATA, END), 1),
    "short size": (png(ihdr(), chunk(b"pHYs", b"12"), DATA, END), 1),
    "short chromaticity": (png(ihdr(), chunk(b"cHRM", b"1"), DATA, END), 1),
    "short intent": (png(ihdr(), chunk(b"sRGB"), DATA, END), 1),
    "bad chunk name before": (png(ihdr(), chunk(b"a\1bc", b"xx"), DATA, END), 1),
    "bad chunk name after": (png(ihdr(), DATA, chunk(b"\xff\1\2\3", b"xx", 0), END), 1),
    "unknown chunk after": (png(ihdr(), DATA, chunk(b"ABCD", b"xx"), END), 1),
    "second header after": (png(ihdr(), DATA, chunk(b"IHDR"), END), 1),
    "no end": (png(ihdr(), DATA), 1),
    "pixels in three chunks, two empty": (png(ihdr(), chunk(b"IDAT"), DATA, chunk(b"IDAT"), END), 1),
    "pixels in two chunks, a wrong checksum": (
        png(ihdr(), chunk(b"IDAT", STREAM[:_HALF]), chunk(b"IDAT", STREAM[_HALF:], 0), END),
        1,
    ),
    "more pixels than needed": (png(ihdr(), chunk(b"IDAT", zlib.compress(rows(PIXELS) + bytes(5000))), END), 1),
    "garbage behind the pixels": (png(ihdr(), chunk(b"IDAT", STREAM + b"garbage"), END), 1),
    "an animation of one picture": (
        png(
            ihdr(),
            chunk(b"acTL", struct.pack(">II", 1, 0)),
            chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0)),
            DATA,
            END,
        ),
        1,
    ),
}
# Chromium shows none of these, or not all of their rows.
BROKEN_PNGS = {
    "half of the rows": png(ihdr(), chunk(b"IDAT", zlib.compress(rows(PIXELS)[: 8 * (1 + 3 * WIDTH)])), END),
    "half of the rows, interlaced": png(ihdr(interlace=1), chunk(b"IDAT", zlib.compress(rows(PIXELS)[:700])), END),
    "text between the pixels": png(
        ihdr(), chunk(b"IDAT", STREAM[:_HALF]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", STREAM[_HALF:]), END
    ),
    "garbage between the pixels": png(
        ihdr(), chunk(b"IDAT", STREAM[:_HALF]), bytes(50), chunk(b"IDAT", STREAM[_HALF:]), END
    ),
    "unknown chunk that must be understood": png(ihdr(), chunk(b"ABCD", b"xx"), DATA, END),
    "palette with a wrong checksum": png(ihdr(), chunk(b"PLTE", bytes(6), 0), DATA, END),
    "two palettes": png(ihdr(), chunk(b"PLTE", bytes(6)), chunk(b"PLTE", bytes(6)), DATA, END),
    "palette too long": png(ihdr(colour=3), chunk(b"PLTE", bytes(771)), DATA, END),
    "palette empty": png(ihdr(colour=3), chunk(b"PLTE"), DATA, END),
    "header with a wrong checksum": png(ihdr()[:-4] + bytes(4), DATA, END),
    "header twice": png(ihdr(), ihdr(), DATA, END),
    "header second": png(chunk(b"tEXt", b"a\0b"), ihdr(), DATA, END),
    "header too long": png(chunk(b"IHDR", ihdr()[8:21] + b"\0"), DATA, END),
    "header of another method": png(chunk(b"IHDR", ihdr()[8:18] + b"\1\0\0"), DATA, END),
    "interlaced by another method": png(ihdr(interlace=2), DATA, END),
    "end before the pixels": png(ihdr(), END, DATA),
    "a chunk beyond the end": png(ihdr(), struct.pack(">I", 10**6) + b"teXt", DATA, END),
    "a chunk of impossible length": png(ihdr(), struct.pack(">I", 0x80000001) + b"teXt", DATA, END),
}
