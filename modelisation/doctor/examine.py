"""One image and its label, examined: runs in the doctor's worker processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.headers.read import read_header
from back.runtime.imaging import MAX_FILE_PIXELS, ImageError, open_photo
from back.runtime.labels.plausibility import TURNED, Explanation, bands_of, explain
from back.runtime.labels.read import LabelFileError, read_label
from back.runtime.labels.source import OwnValues, Source, name_of
from back.runtime.layouts.listing import Pair
from back.runtime.taxonomy import IGNORE, REMAPS, TAXONOMIES, Taxonomy
from modelisation.doctor.faults import Fault

HASH_SIDE = 16
_SWAPS_SIDES = (5, 6, 7, 8)
_UPSIDE_DOWN = (3, 4)
# What Pillow raises for broken files, beside OSError.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
# Values that tools write for ignored pixels; each source knows one of them at most.
_IGNORES = range(250, 256)
# Cityscapes withholds the labels of this split: all ignored on purpose.
WITHHELD = "test"
_LABEL_FAULTS = {
    "not_png": "unreadable_label",
    "damaged": "unreadable_label",
    "colour": "colour_label",
    "format": "label_format",
    "palette": "palette_unclear",
}


@dataclass
class Examination:
    """Findings of one pair, the label's pixels of each value (int64 [256]) and the image's hash (uint64 [4])."""

    pair: Pair
    faults: list[Fault] = field(default_factory=list)
    values: npt.NDArray[np.int64] | None = None
    hash: npt.NDArray[np.uint64] | None = None


def examine(pair: Pair, source: Source) -> Examination:
    """Examine one pair; `source` is whose values the label ought to hold."""
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
    upright = size[::-1] if size and orientation in _SWAPS_SIDES else size
    sideways = upright is not None and label.shape == upright[::-1]
    explanation = explain(bands, source, bands_of(label.T) if sideways else None)
    turned = explanation is not None and explanation.kind == TURNED
    if size is not None and upright is not None:
        sky = explanation.name if explanation and turned else None
        fault = _geometry_fault(pair, size, upright, orientation, label.shape, sky)
        result.faults += [fault] if fault else []
    result.faults += _examine_values(pair, result.values, source, None if turned else explanation)
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
        data = path.read_bytes()
        header = read_header(data)
        result.hash = difference_hash(open_photo(data, MAX_FILE_PIXELS).image)
        return (header.height, header.width), header.orientation
    except (ImageError, OSError) as error:
        result.faults.append(Fault("unreadable_image", str(path), _first_line(error)))
        return None, 1


def _examine_label(path: Path | None, source: Source, result: Examination) -> npt.NDArray[np.uint8] | None:
    """The label's values as the loader reads them, uint8 [H, W]; None where they cannot be had."""
    if path is None:
        return None
    try:
        return read_label(path.read_bytes(), source, path)
    except OSError as error:
        result.faults.append(Fault("unreadable_label", str(path), _first_line(error)))
    except LabelFileError as error:
        result.faults.append(Fault(_LABEL_FAULTS[error.kind], str(path), error.detail))
    return None


def _geometry_fault(
    pair: Pair,
    stored: tuple[int, int],
    upright: tuple[int, int],
    orientation: int,
    label: tuple[int, ...],
    sky: str | None,
) -> Fault | None:
    """Whether a label lies on its image. Sizes are (height, width); `sky`: where a turned label has its sky."""
    shown = f"image {upright[1]}x{upright[0]}, label {label[1]}x{label[0]}"
    on_its_side = sky is not None and sky != "below"
    if orientation in _SWAPS_SIDES and label == stored and (on_its_side or stored != upright):
        return Fault("exif_rotated", str(pair.image), f"orientation {orientation}: upright {shown}")
    if orientation in _UPSIDE_DOWN and label == upright and sky == "below":
        return Fault("exif_rotated", str(pair.image), f"orientation {orientation}: the label has its sky below")
    if sky is not None and (label == upright or on_its_side):
        return Fault("turned_label", str(pair.label), f"its sky is {sky}; {shown}")
    return Fault("size_mismatch", str(pair.label), shown) if label != upright else None


def _examine_values(
    pair: Pair, values: npt.NDArray[np.int64], source: Source, explanation: Explanation | None
) -> list[Fault]:
    _, table = judged_in(source)
    present = np.flatnonzero(values).tolist()
    ignored = all(table.get(v) == IGNORE for v in present)
    if ignored and len(present) == 1:
        return [Fault("all_ignored", str(pair.label))] if pair.split != WITHHELD else []
    unknown = [v for v in present if v not in table]
    listed = ", ".join(map(str, unknown[:8]))
    if explanation is not None:
        outside = f"; values outside {name_of(source)}: {listed}" if unknown else ""
        detail = f"fits {explanation.name} far better than {name_of(source)}{outside}"
        return [Fault(explanation.kind, str(pair.label), detail)]
    if unknown:
        kind = "wrong_ignore_value" if all(v in _IGNORES for v in unknown) else "values_outside_table"
        return [Fault(kind, str(pair.label), f"value {listed} ({name_of(source)})")]
    return [Fault("all_ignored", str(pair.label))] if ignored and pair.split != WITHHELD else []


def judged_in(source: Source) -> tuple[Taxonomy, Mapping[int, int]]:
    """The classes that a source's values are counted in, and what each value is there.

    street8 for known values, the set itself where there is no way to street8, one's own classes for one's own values.
    """
    if isinstance(source, OwnValues):
        return source.taxonomy, source.table
    target = "street8" if "street8" in REMAPS[source] else source
    return TAXONOMIES[target], REMAPS[source][target]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
