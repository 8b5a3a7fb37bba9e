"""One image and its label, examined: runs in the doctor's worker processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from modelisation.doctor_faults import Fault
from modelisation.doctor_labels import bands_of, better_reading, upside_down
from modelisation.doctor_layout import Pair
from modelisation.taxonomy import CITYSCAPES19, IGNORE, REMAPS

HASH_SIDE = 16
_ORIENTATION_TAG = 0x0112
_SWAPS_SIDES = (5, 6, 7, 8)
_UPSIDE_DOWN = (3, 4)
# What Pillow raises for broken files, beside OSError.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
# Values that tools write for ignored pixels; each source knows one of them at most.
_IGNORES = range(250, 256)
# Cityscapes withholds the labels of this split: all ignored on purpose.
_WITHHELD = "test"
# Cityscapes colour -> class name and street8 id.
_CLASS_OF_COLOUR = {c.color: (c.name, REMAPS["cityscapes19"]["street8"][c.id]) for c in CITYSCAPES19.classes}


@dataclass
class Examination:
    """Findings of one pair, the label's pixels of each value (int64 [256]) and the image's hash (uint64 [4])."""

    pair: Pair
    faults: list[Fault] = field(default_factory=list)
    values: npt.NDArray[np.int64] | None = None
    hash: npt.NDArray[np.uint64] | None = None


def examine(pair: Pair, source: str) -> Examination:
    """Examine one pair; `source` is the key of `REMAPS` whose values the label ought to hold."""
    result = Examination(pair)
    if pair.label is None:
        result.faults.append(Fault("image_without_label", str(pair.image)))
    if pair.image is None:
        result.faults.append(Fault("label_without_image", str(pair.label)))
    size, orientation = _examine_image(pair.image, result)
    label = _examine_label(pair.label, source, result)
    if label is None:
        return result
    bands = bands_of(label)
    result.values = bands.sum(0)
    if size is not None:
        fault = _size_fault(pair, size, orientation, label.shape, upside_down(bands, source))
        result.faults += [fault] if fault else []
    result.faults += _examine_values(pair, bands, source)
    return result


def difference_hash(image: Image.Image) -> npt.NDArray[np.uint64]:
    """Perceptual hash of 256 bits, uint64 [4]: which of two horizontal neighbours is brighter, on a 16 x 17 grid.

    The same picture scaled, recompressed or brightened keeps nearly all bits; unrelated pictures share about half.
    """
    small = image.convert("L").resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BOX)
    grey = np.asarray(small)
    return np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)


def _examine_image(path: Path | None, result: Examination) -> tuple[tuple[int, int] | None, int]:
    """Stored (height, width), None where unreadable, and the EXIF orientation (1: upright)."""
    if path is None:
        return None, 1
    try:
        with Image.open(path) as image:
            image.load()
            result.hash = difference_hash(image)
            orientation = int(image.getexif().get(_ORIENTATION_TAG, 1) or 1)
            return (image.height, image.width), orientation
    except _BROKEN as error:
        result.faults.append(Fault("unreadable_image", str(path), _first_line(error)))
        return None, 1


def _examine_label(path: Path | None, source: str, result: Examination) -> npt.NDArray[np.uint8] | None:
    """The label's stored values, uint8 [H, W]; None where they cannot be had."""
    if path is None:
        return None
    try:
        with Image.open(path) as image:
            image.load()
            mode, palette = image.mode, image.getpalette() if image.mode == "P" else None
            stored = np.asarray(image) if mode in ("L", "P") else None
    except _BROKEN as error:
        result.faults.append(Fault("unreadable_label", str(path), _first_line(error)))
        return None
    if stored is None:
        result.faults.append(Fault("colour_label", str(path), f"mode {mode}, wanted one channel of 8 bits"))
        return None
    trap = _palette_trap(stored, palette, source) if palette else None
    if trap:
        result.faults.append(Fault("palette_trap", str(path), trap))
        return None
    return stored


def _palette_trap(stored: npt.NDArray[np.uint8], palette: list[int], source: str) -> str | None:
    """What is wrong where the palette's colours are those of classes, but other classes than the indices mean."""
    used = np.flatnonzero(np.bincount(stored.ravel(), minlength=256)).tolist()
    colours = {i: (palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]) for i in used if 3 * i + 2 < len(palette)}
    named = {i: _CLASS_OF_COLOUR[colour] for i, colour in colours.items() if colour in _CLASS_OF_COLOUR}
    # Black and the colour of ignored pixels belong to no class; any other stranger makes it another palette.
    if "street8" not in REMAPS[source] or len(named) < max(2, len(colours) - 2):
        return None
    table = REMAPS[source]["street8"]
    wrong = [i for i, (_, street8) in named.items() if table.get(i) != street8]
    return f"index {wrong[0]} has the colour of {named[wrong[0]][0]}, but means another class" if wrong else None


def _size_fault(
    pair: Pair, stored: tuple[int, int], orientation: int, label: tuple[int, ...], upside: bool
) -> Fault | None:
    """`stored` and `label` are (height, width); `upside`: the label's sky lies below."""
    upright = stored[::-1] if orientation in _SWAPS_SIDES else stored
    shown = f"image {upright[1]}x{upright[0]}, label {label[1]}x{label[0]}"
    if orientation in _SWAPS_SIDES and label == stored != upright:
        return Fault("exif_rotated", str(pair.image), f"orientation {orientation}: upright {shown}")
    if label != upright:
        return Fault("size_mismatch", str(pair.label), shown)
    if orientation in _UPSIDE_DOWN and upside:
        return Fault("exif_rotated", str(pair.image), f"orientation {orientation}: the label has its sky below")
    return None


def _examine_values(pair: Pair, bands: npt.NDArray[np.int64], source: str) -> list[Fault]:
    table = street8_table(source)
    present = np.flatnonzero(bands.sum(0)).tolist()
    ignored = all(table.get(v) == IGNORE for v in present)
    if ignored and len(present) == 1:
        return [Fault("all_ignored", str(pair.label))] if pair.split != _WITHHELD else []
    unknown = [v for v in present if v not in table]
    listed = ", ".join(map(str, unknown[:8]))
    reading = better_reading(bands, source)
    if reading is not None:
        outside = f"; values outside {source}: {listed}" if unknown else ""
        return [Fault(reading.kind, str(pair.label), f"fits {reading.name} far better than {source}{outside}")]
    if unknown:
        kind = "wrong_ignore_value" if all(v in _IGNORES for v in unknown) else "values_outside_table"
        return [Fault(kind, str(pair.label), f"value {listed} ({source})")]
    return [Fault("all_ignored", str(pair.label))] if ignored and pair.split != _WITHHELD else []


def street8_table(source: str) -> Mapping[int, int]:
    """A source's values to street8, or to itself where it has no way to street8."""
    return REMAPS[source].get("street8") or REMAPS[source][source]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
