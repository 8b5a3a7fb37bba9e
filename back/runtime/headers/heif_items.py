"""The list of items in a HEIC or AVIF file: what each is, where its bytes lie, its properties, its parts."""

from collections import defaultdict
from dataclasses import dataclass, field

from back.runtime.headers.base import ImageError, damaged, too_many_parts
from back.runtime.headers.boxes import Fields, boxes

# A photo of 100 megapixels in tiles of 512 x 512 pixels, as phones write them, has 400; each is an item.
MAX_TILES = 1 << 10
_MAX_ITEMS = 1 << 12
_MAX_ASSOCIATIONS = 1 << 15


@dataclass
class Items:
    """What the box `meta` says, as numbers and views of the file."""

    file: memoryview
    primary: int = -1
    idat: memoryview = field(default_factory=lambda: memoryview(b""))
    kinds: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)  # where, offset, length
    sources: dict[int, list[int]] = field(default_factory=dict)
    shared: list[tuple[bytes, memoryview]] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def kind_of(self, item: int) -> bytes:
        kind = self.kinds.get(item)
        if kind is None:
            raise damaged("a picture of it is missing")
        return kind

    def sources_of(self, item: int) -> list[int]:
        """The items that this one is put together from."""
        sources = self.sources.get(item, [])
        if not sources:
            raise damaged("tiles of it are missing")
        return sources

    def properties_of(self, item: int) -> list[tuple[bytes, memoryview]]:
        """Name and content of each, in the order in which they apply."""
        try:
            return [self.shared[index - 1] for index in self.associations.get(item, []) if index]
        except IndexError:
            raise damaged("a property of it is missing") from None

    def data_of(self, item: int) -> bytes:
        parts = []
        for where, offset, length in self.extents.get(item, []):
            source = self.idat if where else self.file
            if offset > len(source) or offset + length > len(source):
                raise damaged("its pixels are cut off")
            parts.append(source[offset : offset + length] if length else source[offset:])
        if sum(map(len, parts)) > len(self.file):
            raise damaged("its parts overlap")
        return b"".join(parts)


def read_items(meta: memoryview, file: memoryview) -> Items:
    """Read the content of the box `meta`. Raises ImageError."""
    items = Items(file)
    for kind, content in boxes(meta):
        fields = Fields(content)
        if kind == b"pitm":
            version, _ = fields.version_and_flags()
            items.primary = fields.number(4 if version else 2)
        elif kind == b"iinf":
            version, _ = fields.version_and_flags()
            start = 4 + len(fields.take(4 if version else 2))
            for _, entry in boxes(content[start:]):
                _read_entry(items, Fields(entry))
        elif kind == b"iloc":
            _read_places(items, fields)
        elif kind == b"iref":
            _read_references(items, fields, content)
        elif kind == b"idat":
            items.idat = content
        elif kind == b"iprp":
            for name, inner in boxes(content):
                if name == b"ipco":
                    items.shared = list(boxes(inner))
                elif name == b"ipma":
                    _read_associations(items, Fields(inner))
    return items


def _read_entry(items: Items, fields: Fields) -> None:
    version, _ = fields.version_and_flags()
    if version < 2:
        return  # of the first edition, which has no type
    item = fields.number(4 if version > 2 else 2)
    protected = fields.number(2)
    items.kinds[item] = bytes(fields.take(4))
    if protected:
        raise ImageError("The image is encrypted; send it without protection.", 415)


def _read_places(items: Items, fields: Fields) -> None:
    version, _ = fields.version_and_flags()
    sizes = fields.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    left = _MAX_ITEMS
    for _ in range(_bounded(fields.number(wide))):
        item = fields.number(wide)
        where = fields.number(2) & 15 if version else 0
        if where > 1 or fields.number(2):
            raise ImageError(
                "The image is a HEIC or AVIF of a rare kind (pixels outside the file); save it as JPEG.", 415
            )
        base = fields.number(base_size)
        extents = items.extents.setdefault(item, [])
        for _ in range(fields.number(2)):
            left -= 1
            if left < 0:
                raise too_many_parts(_MAX_ITEMS, "extents")
            if version:
                fields.number(index_size)
            extents.append((where, base + fields.number(offset_size), fields.number(length_size)))


def _read_references(items: Items, fields: Fields, content: memoryview) -> None:
    version, _ = fields.version_and_flags()
    wide = 4 if version else 2
    for kind, reference in boxes(content[4:]):
        if kind == b"dimg":
            inner = Fields(reference)
            item = inner.number(wide)
            items.sources[item] = [inner.number(wide) for _ in range(_bounded(inner.number(2)))]


def _read_associations(items: Items, fields: Fields) -> None:
    version, flags = fields.version_and_flags()
    left = _MAX_ASSOCIATIONS
    for _ in range(_bounded(fields.number(4))):
        item = fields.number(4 if version else 2)
        for _ in range(fields.number(1)):
            left -= 1
            if left < 0:
                raise too_many_parts(_MAX_ASSOCIATIONS, "properties")
            index = fields.number(2) & 0x7FFF if flags & 1 else fields.number(1) & 0x7F
            items.associations[item].append(index)


def _bounded(count: int) -> int:
    if count > _MAX_ITEMS:
        raise too_many_parts(_MAX_ITEMS, "items")
    return count
