"""Label PNGs with a palette: do their indices mean what their colours show?

Colours: Cityscapes' are those of its official label table. CamVid's are those of the 32 classes of Brostow, Fauqueur,
Cipolla, "Semantic object classes in video", Pattern Recognition Letters 2009 (the data set's `label_colors.txt`), and
the pavement of the SegNet tutorial, which differs.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from back.runtime.taxonomy import CITYSCAPES19, REMAPS, STREET8

Colour = tuple[int, int, int]
# Colour -> class name, and its id in street8; None where data sets differ on what the class is merged into.
Palette = Mapping[Colour, tuple[str, int | None]]

_ROAD, _SIDEWALK, _BUILDING, _VEHICLE, _PEDESTRIAN, _VEGETATION, _SKY, _BACKGROUND = range(len(STREET8.classes))

CITYSCAPES: Palette = {c.color: (c.name, REMAPS["cityscapes19"]["street8"][c.id]) for c in CITYSCAPES19.classes}
# Void is black, as ignored pixels are in many palettes, and left out.
CAMVID: Palette = {
    (64, 128, 64): ("Animal", None),
    (192, 0, 128): ("Archway", _BUILDING),
    (0, 128, 192): ("Bicyclist", _PEDESTRIAN),
    (0, 128, 64): ("Bridge", _BUILDING),
    (128, 0, 0): ("Building", _BUILDING),
    (64, 0, 128): ("Car", _VEHICLE),
    (64, 0, 192): ("CartLuggagePram", None),
    (192, 128, 64): ("Child", _PEDESTRIAN),
    (192, 192, 128): ("Column_Pole", _BACKGROUND),
    (64, 64, 128): ("Fence", _BACKGROUND),
    (128, 0, 192): ("LaneMkgsDriv", _ROAD),
    (192, 0, 64): ("LaneMkgsNonDriv", _ROAD),
    (128, 128, 64): ("Misc_Text", None),
    (192, 0, 192): ("MotorcycleScooter", None),
    (128, 64, 64): ("OtherMoving", None),
    (64, 192, 128): ("ParkingBlock", None),
    (64, 64, 0): ("Pedestrian", _PEDESTRIAN),
    (128, 64, 128): ("Road", _ROAD),
    (128, 128, 192): ("RoadShoulder", None),
    (0, 0, 192): ("Sidewalk", _SIDEWALK),
    (60, 40, 222): ("Pavement", _SIDEWALK),
    (192, 128, 128): ("SignSymbol", _BACKGROUND),
    (128, 128, 128): ("Sky", _SKY),
    (64, 128, 192): ("SUVPickupTruck", _VEHICLE),
    (0, 0, 64): ("TrafficCone", None),
    (0, 64, 64): ("TrafficLight", _BACKGROUND),
    (192, 64, 128): ("Train", _VEHICLE),
    (128, 128, 0): ("Tree", _VEGETATION),
    (192, 128, 192): ("Truck_Bus", _VEHICLE),
    (64, 0, 64): ("Tunnel", None),
    (192, 192, 0): ("VegetationMisc", None),
    (64, 192, 0): ("Wall", None),
}


def palette_trap(stored: npt.NDArray[np.uint8], palette: list[int], source: str) -> str | None:
    """What is wrong where a palette's colours are those of classes, but other classes than the indices mean.

    Args:
        stored: the indices, uint8 [H, W].
        palette: red, green and blue of each index, one after the other.
        source: the key of `REMAPS` whose values the indices ought to be.
    """
    if "street8" not in REMAPS[source]:
        return None
    used = np.flatnonzero(np.bincount(stored.ravel(), minlength=256)).tolist()
    colours = {i: (palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]) for i in used if 3 * i + 2 < len(palette)}
    of = {
        data: {i: known[colour] for i, colour in colours.items() if colour in known}
        for data, known in (("Cityscapes", CITYSCAPES), ("CamVid", CAMVID))
    }
    data, named = max(of.items(), key=lambda item: len(item[1]))
    # Black and the colour of ignored pixels belong to no class; any other stranger makes it another palette.
    if len(named) < max(2, len(colours) - 2):
        return None
    table = REMAPS[source]["street8"]
    wrong = [i for i, (_, street8) in named.items() if street8 is not None and table.get(i) != street8]
    if not wrong:
        return None
    return f"index {wrong[0]} has {data}'s colour of {named[wrong[0]][0]}, but means another class"
