"""The colours that data sets give their classes, and what they mean in the files of a source.

Cityscapes' are those of its official label table. CamVid's are those of the 32 classes of Brostow, Fauqueur, Cipolla,
"Semantic object classes in video", Pattern Recognition Letters 2009 (the data set's `label_colors.txt`), and the
pavement of the SegNet tutorial, which differs. Pascal VOC's colour map spells the bits of an index in its colour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from back.runtime.labels.source import Colour, OwnValues, Source, tables_of
from back.runtime.taxonomy import (
    CITYSCAPES7,
    CITYSCAPES19,
    CITYSCAPES_TRAIN_LABEL_IDS,
    IGNORE,
    REMAPS,
    STREET8,
    Taxonomy,
)

BLACK, WHITE, CREAM = (0, 0, 0), (255, 255, 255), (224, 224, 192)
# What palettes give to pixels without a label, where the colour is no class's.
UNLABELLED = (BLACK, WHITE, CREAM)

_CITYSCAPES_VOID: Mapping[Colour, tuple[str, int]] = {
    (111, 74, 0): ("dynamic", 5),
    (81, 0, 81): ("ground", 6),
    (250, 170, 160): ("parking", 9),
    (230, 150, 140): ("rail track", 10),
    (180, 165, 180): ("guard rail", 14),
    (150, 100, 100): ("bridge", 15),
    (150, 120, 90): ("tunnel", 16),
    (0, 0, 90): ("caravan", 29),
    (0, 0, 110): ("trailer", 30),
}
_POLE = (153, 153, 153)  # of pole, and of polegroup (18), which is ignored
# Void is black and left out. None: data sets differ on which of the eleven classes this one is merged into.
_CAMVID: Mapping[Colour, tuple[str, int | None]] = {
    (64, 128, 64): ("Animal", None),
    (192, 0, 128): ("Archway", 1),
    (0, 128, 192): ("Bicyclist", 10),
    (0, 128, 64): ("Bridge", 1),
    (128, 0, 0): ("Building", 1),
    (64, 0, 128): ("Car", 8),
    (64, 0, 192): ("CartLuggagePram", None),
    (192, 128, 64): ("Child", 9),
    (192, 192, 128): ("Column_Pole", 2),
    (64, 64, 128): ("Fence", 7),
    (128, 0, 192): ("LaneMkgsDriv", 3),
    (192, 0, 64): ("LaneMkgsNonDriv", 3),
    (128, 128, 64): ("Misc_Text", None),
    (192, 0, 192): ("MotorcycleScooter", None),
    (128, 64, 64): ("OtherMoving", None),
    (64, 192, 128): ("ParkingBlock", None),
    (64, 64, 0): ("Pedestrian", 9),
    (128, 64, 128): ("Road", 3),
    (128, 128, 192): ("RoadShoulder", None),
    (0, 0, 192): ("Sidewalk", 4),
    (60, 40, 222): ("Pavement", 4),
    (192, 128, 128): ("SignSymbol", 6),
    (128, 128, 128): ("Sky", 0),
    (64, 128, 192): ("SUVPickupTruck", 8),
    (0, 0, 64): ("TrafficCone", None),
    (0, 64, 64): ("TrafficLight", 6),
    (192, 64, 128): ("Train", 8),
    (128, 128, 0): ("Tree", 5),
    (192, 128, 192): ("Truck_Bus", 8),
    (64, 0, 64): ("Tunnel", None),
    (192, 192, 0): ("VegetationMisc", None),
    (64, 192, 0): ("Wall", None),
}
_CAMVID11 = ("Sky", "Building", "Column_Pole", "Road", "Sidewalk", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian",
             "Bicyclist")  # fmt: skip


@dataclass(frozen=True)
class Colours:
    """The colours of one data set, in the values of a source's files: colour -> name and value.

    A value of None is a class that data sets merge differently.
    """

    name: str
    meanings: Mapping[Colour, tuple[str, int | None]]


@dataclass(frozen=True)
class Order:
    """A palette that shows ids: the colours of a data set in the order of a source's values."""

    name: str
    source: str
    colours: tuple[Colour, ...]


@cache
def colours_for(source: Source) -> tuple[Colours, ...]:
    """The known colours that can be turned into the values of a source, those of its own data set first."""
    if isinstance(source, OwnValues):
        return (Colours(source.taxonomy.id, _meanings(source)),) if source.colours else ()
    tables = [
        ("this project", "street8", _of(STREET8)),
        ("Cityscapes", "cityscapes_label_ids", _cityscapes()),
        ("CamVid", "camvid11", _CAMVID),
        ("Cityscapes' categories", "cityscapes7", _of(CITYSCAPES7)),
    ]
    found = []
    for name, own, table in tables:
        onto = None if own == source else REMAPS[own].get(source, {})
        meanings = {
            colour: (title, value if onto is None or value is None else onto[value])
            for colour, (title, value) in table.items()
            if onto is None or onto
        }
        if meanings:
            found.append((own != source and family_of(source) != name, Colours(name, meanings)))
    return tuple(colours for _, colours in sorted(found, key=lambda one: one[0]))


def family_of(source: Source) -> str:
    """The data set that a source's values belong to, as `Colours.name` has it."""
    if isinstance(source, OwnValues):
        return source.taxonomy.id
    return {
        "street8": "this project",
        "camvid11": "CamVid",
        "cityscapes7": "Cityscapes' categories",
    }.get(source, "Cityscapes")


@cache
def orders() -> tuple[Order, ...]:
    """Palettes in the order of ids that people give to label files."""
    colour_of = {title: colour for colour, (title, _) in _CAMVID.items()}
    camvid = [colour_of[title] for title in _CAMVID11]
    pavement = [colour_of["Pavement"] if title == "Sidewalk" else colour_of[title] for title in _CAMVID11]
    by_label_id = {label_id: colour for colour, (_, label_id) in _cityscapes().items()}
    by_label_id[18] = _POLE
    return (
        Order("this project", "street8", tuple(c.color for c in STREET8.classes)),
        Order("Cityscapes", "cityscapes19", tuple(c.color for c in CITYSCAPES19.classes)),
        Order("Cityscapes", "cityscapes_label_ids", tuple(by_label_id.get(i, BLACK) for i in range(34))),
        Order("CamVid", "camvid11", tuple(camvid)),
        Order("CamVid", "camvid11", tuple(pavement)),
        Order("Cityscapes' categories", "cityscapes7", tuple(c.color for c in CITYSCAPES7.classes)),
    )


@cache
def voc_colours() -> tuple[Colour, ...]:
    """Pascal VOC's colour map: the bits of an index, three by three, from the top of red, green and blue.

    Example:
        >>> voc_colours()[:4], voc_colours()[255]
        (((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)), (224, 224, 192))
    """

    def channel(index: int, first: int) -> int:
        return sum((index >> (first + 3 * k) & 1) << (7 - k) for k in range(3))

    return tuple((channel(i, 0), channel(i, 1), channel(i, 2)) for i in range(256))


def unlabelled_value(source: Source) -> int | None:
    """The value of a source's files that means "no label": 255 where it is in the table."""
    table = tables_of(source)[0]
    ignored = [value for value, target in table.items() if target == IGNORE]
    return max(ignored, default=None)


def _meanings(source: OwnValues) -> dict[Colour, tuple[str, int | None]]:
    table, names = source.table, source.taxonomy.names
    return {
        colour: ("no label" if table[value] == IGNORE else names[table[value]], value)
        for colour, value in source.colours
    }


def _of(taxonomy: Taxonomy) -> dict[Colour, tuple[str, int | None]]:
    return {c.color: (c.name, c.id) for c in taxonomy.classes}


def _cityscapes() -> dict[Colour, tuple[str, int | None]]:
    classes = zip(CITYSCAPES19.classes, CITYSCAPES_TRAIN_LABEL_IDS, strict=True)
    return {**{c.color: (c.name, label_id) for c, label_id in classes}, **_CITYSCAPES_VOID}
