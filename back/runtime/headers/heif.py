"""HEIC and AVIF: pictures as items with properties, in boxes (ISO/IEC 23008-12, and AV1 Image File Format)."""

from dataclasses import dataclass
from typing import Literal

from back.runtime.headers.base import Header, ImageError, damaged, too_many_parts
from back.runtime.headers.boxes import Fields, boxes
from back.runtime.headers.heif_items import MAX_TILES, Items, read_items

_HEVC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AV1 = frozenset((b"avif", b"avis"))
# By quarter turns anticlockwise (irot) and then by which way it is mirrored (imir: None, 0 top to bottom, 1 left to
# right): the number that EXIF has for it.
_ORIENTATION = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip
# A photo's pixel data do not end so; a copy that broke off does where the file got its full length first.
_ZEROS = bytes(32)


@dataclass(frozen=True)
class Tile:
    """One coded picture: the decoder's configuration and the compressed pixels."""

    config: bytes
    data: bytes


@dataclass(frozen=True)
class Still:
    """The one picture that a HEIC or AVIF file shows.

    Attributes:
        codec: of its tiles.
        width, height: of the canvas on which the tiles lie, before cropping and turning.
        crop: left, top, right, bottom on the canvas.
        orientation: as EXIF numbers it.
        tiles: row by row.
        columns: tiles in a row.
        colours: matrix by the numbers of ITU-T H.273, and whether the values span the full range; None where the
            coded picture says it.
    """

    codec: Literal["hevc", "av1"]
    width: int
    height: int
    crop: tuple[int, int, int, int]
    orientation: int
    tiles: tuple[Tile, ...]
    columns: int
    colours: tuple[int, bool] | None


def is_heif(data: bytes) -> bool:
    """Whether a file begins as one of this family, by its brands; clips begin alike."""
    return data[4:8] == b"ftyp" and bool(_brands(data) & (_HEVC | _AV1))


def _brands(data: bytes) -> frozenset[bytes]:
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    return frozenset({data[8:12], *(data[i : i + 4] for i in range(16, end - 3, 4))})


def read_heif(data: bytes) -> Header:
    """Read everything but the pixels.

    The orientation is that of the file's own properties (irot, imir). EXIF data in it are for information only, says
    the standard, and phones write the same turn in both: a reader that went by both would turn a photo twice.

    Raises:
        ImageError: 400, damaged, cut off or written to cost time; 415, a sequence or a rare kind.
    """
    still = read_still(data)
    left, top, right, bottom = still.crop
    kind: Literal["AVIF", "HEIF"] = "AVIF" if still.codec == "av1" else "HEIF"
    return Header(kind, right - left, bottom - top, still.orientation, lambda: data)


def read_still(data: bytes) -> Still:
    """The picture that the file shows, still compressed. Raises ImageError, see `read_heif`."""
    view = memoryview(data)
    meta: memoryview | None = None
    for kind, content in boxes(view):
        if kind == b"moov":
            raise ImageError("The image is an animation; send a single picture.", 415)
        if kind == b"meta" and meta is None:
            meta = content[4:]
    if meta is None:
        raise damaged("it lists no picture")
    items = read_items(meta, view)
    kind = items.kind_of(items.primary)
    properties = items.properties_of(items.primary)
    width, height = _size(properties)
    if kind == b"grid":
        tiles, columns = _grid(items, width, height)
        kind = items.kind_of(items.sources_of(items.primary)[0])
    else:
        tiles, columns = (items.primary,), 1
    codec = _codec(kind)
    config = b"hvcC" if codec == "hevc" else b"av1C"
    if any(items.kind_of(tile) != kind for tile in tiles):
        raise _rare("tiles of several kinds")
    coded = tuple(Tile(_config(items, tile, config), _pixels(items, tile)) for tile in tiles)
    if sum(len(tile.data) for tile in coded) > len(data):
        raise damaged("its parts overlap")
    by_name = dict(properties)
    crop = _crop(by_name.get(b"clap"), width, height)
    orientation = _orientation(properties)
    colours = _colours(properties) or _colours(items.properties_of(tiles[0]))
    return Still(codec, width, height, crop, orientation, coded, columns, colours)


def _orientation(properties: list[tuple[bytes, memoryview]]) -> int:
    """What the properties do to the picture, which apply in their order."""
    turns = [(name, Fields(content).number(1)) for name, content in properties if name in (b"irot", b"imir")]
    names = [name for name, _ in properties if name in (b"clap", b"irot", b"imir")]
    if len(names) != len(set(names)) or (b"clap" in names and names[0] != b"clap"):
        raise _rare("turned or cropped more than once")
    values = dict(turns)
    quarters = values.get(b"irot", 0) & 3
    if turns and turns[0][0] == b"imir":  # mirrored before it is turned: as turned the other way and then mirrored
        quarters = -quarters % 4
    return _ORIENTATION[quarters, values[b"imir"] & 1 if b"imir" in values else None]


def _rare(what: str) -> ImageError:
    return ImageError(
        f"The image is a HEIC or AVIF of a rare kind ({what}); save it as an ordinary JPEG or PNG.", 415
    )


def _codec(kind: bytes) -> Literal["hevc", "av1"]:
    if kind in (b"hvc1", b"hev1"):
        return "hevc"
    if kind == b"av01":
        return "av1"
    raise _rare(f"its pixels are coded as {kind.decode('ascii', 'replace')!r}" if kind.isalnum() else "unknown code")


def _size(properties: list[tuple[bytes, memoryview]]) -> tuple[int, int]:
    for name, content in properties:
        if name == b"ispe":
            fields = Fields(content)
            fields.version_and_flags()
            width, height = fields.number(4), fields.number(4)
            if width and height:
                return width, height
    raise damaged("it says no size")


def _grid(items: Items, width: int, height: int) -> tuple[tuple[int, ...], int]:
    """The tiles of a grid, row by row, and how many are in a row."""
    fields = Fields(memoryview(items.data_of(items.primary)))
    _, flags, rows, columns = fields.number(1), fields.number(1), fields.number(1) + 1, fields.number(1) + 1
    size = 4 if flags & 1 else 2
    if (fields.number(size), fields.number(size)) != (width, height):
        raise damaged("it says two sizes")
    tiles = items.sources_of(items.primary)
    if len(tiles) > MAX_TILES:
        raise too_many_parts(MAX_TILES, "tiles")
    if len(tiles) != rows * columns:
        raise damaged("tiles of it are missing")
    return tuple(tiles), columns


def _config(items: Items, tile: int, name: bytes) -> bytes:
    for found, content in items.properties_of(tile):
        if found == name:
            return bytes(content)
    raise damaged("it does not say how its pixels are coded")


def _pixels(items: Items, tile: int) -> bytes:
    data = items.data_of(tile)
    if not data:
        raise damaged("its pixels are missing")
    if data.endswith(_ZEROS):
        raise damaged("its pixels end in zeros")
    return data


def _crop(clap: memoryview | None, width: int, height: int) -> tuple[int, int, int, int]:
    """The clean aperture: a size and how far its middle lies from the canvas's, all four as fractions."""
    if clap is None:
        return 0, 0, width, height
    fields = Fields(clap)
    values = [int.from_bytes(fields.take(4), "big", signed=True) for _ in range(8)]
    (wide, high), offsets = ((values[0], values[1]), (values[2], values[3])), values[4:]
    edges = []
    for (part, whole), side, (shift, over) in zip(
        (wide, high), (width, height), (offsets[:2], offsets[2:]), strict=True
    ):
        if part <= 0 or whole <= 0 or over <= 0 or part // whole > side or part // whole == 0:
            raise damaged("its crop lies outside of it")
        length = part // whole
        start = round(shift / over + (side - length) / 2 - 1e-9)
        if start < 0 or start + length > side:
            raise damaged("its crop lies outside of it")
        edges.append((start, start + length))
    (left, right), (top, bottom) = edges
    return left, top, right, bottom


def _colours(properties: list[tuple[bytes, memoryview]]) -> tuple[int, bool] | None:
    for name, content in properties:
        if name == b"colr" and bytes(content[:4]) == b"nclx" and len(content) >= 11:
            return int.from_bytes(content[8:10], "big"), bool(content[10] & 0x80)
    return None
