"""HEIC files put together box by box around pictures that FFmpeg compresses, and AVIF files from Pillow."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]
TILE = 64
PHOTO = np.asarray(
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (4, 6, 3), dtype=np.uint8)).resize((96, TILE))
)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return box(kind, bytes((version, 0, 0, 0)), *parts)


def ispe(width: int, height: int) -> bytes:
    return full(b"ispe", 0, struct.pack(">II", width, height))


def irot(quarters: int) -> bytes:
    return box(b"irot", bytes((quarters,)))


def imir(axis: int) -> bytes:
    return box(b"imir", bytes((axis,)))


def clap(*values: int) -> bytes:
    """Width, height, and how far the middle lies from the canvas's, each a numerator and a denominator."""
    return box(b"clap", struct.pack(">8i", *values))


def compressed(pixels: Bytes) -> tuple[bytes, bytes]:
    """A picture as HEVC of hardly any loss: the content of `hvcC`, and the coded pixels."""
    return _compressed(pixels.tobytes(), pixels.shape[0], pixels.shape[1])


@cache
def _compressed(pixels: bytes, height: int, width: int) -> tuple[bytes, bytes]:
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv444p", Fraction(1)
    encoder.options = {"crf": "4", "x265-params": "log-level=none:pools=none:info=0"}
    frame = av.VideoFrame.from_ndarray(np.frombuffer(pixels, np.uint8).reshape(height, width, 3), "rgb24")
    stream = b"".join(map(bytes, [*encoder.encode(frame.reformat(format="yuv444p")), *encoder.encode(None)]))
    units = [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]
    heads = [unit for unit in units if unit[0] >> 1 in (32, 33, 34)]  # parameters of video, sequence and picture
    arrays = b"".join(struct.pack(">BHH", head[0] >> 1, 1, len(head)) + head for head in heads)
    slices = [unit for unit in units if unit[0] >> 1 < 32]
    config = b"\1" + bytes(20) + b"\x0f" + bytes((len(heads),)) + arrays
    return config, b"".join(struct.pack(">I", len(unit)) + unit for unit in slices)


def heic(
    tiles: Sequence[Bytes] = (PHOTO,),
    properties: Sequence[bytes] = (),
    *,
    size: tuple[int, int] | None = None,
    grid: tuple[int, int] | None = None,
    data: Sequence[bytes] | None = None,
    kind: bytes = b"hvc1",
    brand: bytes = b"heic",
    before: bytes = b"",
) -> bytes:
    """A file with one picture.

    Args:
        tiles: what it is put together from.
        properties: of the whole picture, applied in this order.
        size: width and height that the file tells; None for the true ones.
        grid: rows and columns of the tiles; None for a picture of one tile that is no grid.
        data: coded pixels in place of those of the tiles.
    """
    coded = [compressed(tile) for tile in tiles]
    places = [piece for _, piece in coded] if data is None else list(data)
    width, height = size or (tiles[0].shape[1], tiles[0].shape[0])
    shared = [ispe(width, height), *properties, box(b"hvcC", coded[0][0]), ispe(*tiles[0].shape[1::-1])]
    own = list(range(1, 2 + len(properties)))
    config = len(properties) + 2
    items: list[tuple[int, bytes, list[int], bytes]] = []
    if grid is None:
        items.append((1, kind, [*own, config], places[0]))
    else:
        layout = struct.pack(">BBBBHH", 0, 0, grid[0] - 1, grid[1] - 1, width, height)
        items.append((1, b"grid", own, layout))
        items += [(2 + i, kind, [config, config + 1], place) for i, place in enumerate(places)]
    infe = [full(b"infe", 2, struct.pack(">HH4sB", item, 0, name, 0)) for item, name, _, _ in items]
    ipma = b"".join(struct.pack(">HB", item, len(used)) + bytes(used) for item, _, used, _ in items)
    references = b""
    if grid is not None:
        references = full(
            b"iref", 0, box(b"dimg", struct.pack(f">HH{len(places)}H", 1, len(places), *range(2, 2 + len(places))))
        )

    def meta(start: int) -> bytes:
        iloc = b""
        for item, _, _, place in items:
            iloc += struct.pack(">HHHII", item, 0, 1, start, len(place))
            start += len(place)
        return full(
            b"meta",
            0,
            full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            full(b"pitm", 0, struct.pack(">H", 1)),
            full(b"iloc", 0, b"\x44\0", struct.pack(">H", len(items)), iloc),
            full(b"iinf", 0, struct.pack(">H", len(items)), *infe),
            references,
            box(b"iprp", box(b"ipco", *shared), full(b"ipma", 0, struct.pack(">I", len(items)), ipma)),
        )

    head = box(b"ftyp", brand, bytes(4), b"mif1", brand) + before
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(place for _, _, _, place in items))


def avif(pixels: Bytes = PHOTO, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "AVIF", **{"quality": 95, "subsampling": "4:4:4", "speed": 9} | options)
    return out.getvalue()
