"""The photos and labels of a folder, paired by their names, and what kind of labels they most likely are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from back.runtime.errors import InputError
from back.runtime.evaluation.limits import EvaluationLimits
from back.runtime.evaluation.unpack import TABLE_SUFFIX
from back.runtime.headers.base import ImageError
from back.runtime.labels.guess import LabelValues
from back.runtime.labels.read import LabelFileError, maps_by_source
from back.runtime.layouts import camvid, cityscapes, folder, loose
from back.runtime.layouts.listing import Pair, sentences, subfolders
from back.runtime.layouts.recognise import Layout, layout_of, list_split

_LOOKED_AT = 12  # labels, for the guess
_DEEPEST = 4
# What the labels of a layout are by its own custom.
LABEL_KINDS = {cityscapes.KIND: "cityscapes_label_ids", camvid.KIND: "camvid11"}
_FIRST_CHOICES = ("val", "test", loose.ALL)  # what is evaluated where nobody said which split
_FOLDERS_DEEP, _MOST_FOLDERS = 2, 200


@dataclass(frozen=True)
class Collected:
    """A split of a folder.

    Attributes:
        root: the folder that has the layout, which may lie in the one that was given.
        pairs: photos with labels.
        unlabelled: photos without.
        left_out: sentences on what is not read.
        table: a CSV file beside the pictures.
    """

    root: Path
    layout: Layout
    splits: tuple[str, ...]
    split: str
    pairs: tuple[Pair, ...]
    unlabelled: int
    left_out: tuple[str, ...]
    table: Path | None

    def independent(self) -> "Collected":
        """The same with every picture a clip of its own."""
        return replace(self, pairs=tuple(replace(pair, sequence=pair.name) for pair in self.pairs))


def collect(given: Path, split: str | None, limits: EvaluationLimits) -> Collected:
    """Find the pairs of a folder.

    Args:
        given: the folder, in whatever layout; it may hold nothing but another that has one.
        split: which; None takes val, else test, else all of them there is.

    Raises:
        InputError: no photo has a label, there are too many, or there is no such split.
    """
    root = _inner(given)
    layout: Layout | None = layout_of(root)
    if layout is None and loose.recognises(root):
        layout = loose  # type: ignore[assignment]
    if layout is None:
        raise InputError(
            "There are no photos; send JPEG, PNG, WEBP, HEIC or AVIF photos, and PNG labels of the same names."
        )
    splits = tuple(layout.splits(root))
    if layout.KIND == folder.KIND and folder.ALL not in splits and folder.made_split(root) is not None:
        splits = (folder.ALL, *splits)  # a split that is made is for training; here nothing is held out
        split = split or folder.ALL
    chosen = split or next((one for one in _FIRST_CHOICES if one in splits), splits[0] if splits else "")
    if chosen not in splits:
        raise InputError(f"There is no split {chosen[:40]!r}; there are: {', '.join(splits[:20]) or 'none'}.", 404)
    listing = list_split(layout, root, chosen)
    pairs = tuple(pair for pair in listing.pairs if pair.image is not None and pair.label is not None)
    unlabelled = sum(pair.image is not None and pair.label is None for pair in listing.pairs)
    if not pairs:
        raise InputError(
            f"No photo has a label ({unlabelled} photos, {len(listing.pairs) - unlabelled} labels): a photo and its "
            "label share a name, as in images/a.jpg and labels/a.png, or a.jpg and a_labels.png."
        )
    if len(pairs) > limits.photos:
        raise InputError(
            f"There are {len(pairs)} labelled photos, more than the {limits.photos} allowed; send a part.", 413
        )
    left_out = tuple(sentence.replace(f"{root}/", "") for sentence in sentences(listing))
    tables = sorted(path for path in root.iterdir() if path.suffix.lower() == TABLE_SUFFIX and path.is_file())
    return Collected(root, layout, splits, chosen, pairs, unlabelled, left_out, tables[0] if tables else None)


def look_at_labels(collected: Collected, limits: EvaluationLimits, inside: Path) -> LabelValues:
    """The values of some labels, evenly chosen; those that cannot be read are told when they are scored.

    Args:
        inside: no label that lies elsewhere, through a link, is read.
    """

    def check_size(width: int, height: int) -> None:
        if width * height > limits.pixels:
            raise ImageError("too large", 413)

    values = LabelValues()
    labels = [pair.label for pair in collected.pairs if pair.label is not None]
    for path in labels[:: max(1, len(labels) // _LOOKED_AT)]:
        try:
            values.add(maps_by_source(read_inside(path, inside), path, check_size))
        except (LabelFileError, ImageError, OSError):
            continue
    return values


def prior_of(collected: Collected) -> str | None:
    """The kind of labels that the layout has."""
    return LABEL_KINDS.get(collected.layout.KIND)


def read_inside(path: Path, inside: Path) -> bytes:
    """A file's bytes.

    Raises:
        OSError: it cannot be read, or a link leads out of `inside`.
    """
    if not path.resolve().is_relative_to(inside):
        raise PermissionError(f"{path.name}: a link that leads elsewhere")
    return path.read_bytes()


def data_folders(root: Path) -> list[str]:
    """The folders with a known layout in a folder of data sets, as paths below it; itself is `.`.

    Links are not followed, and no deeper than two folders is looked.
    """
    found: list[str] = []
    level: Sequence[Path] = [root]
    for depth in range(_FOLDERS_DEEP + 1):
        found += [place.relative_to(root).as_posix() for place in level if layout_of(place) is not None]
        if depth < _FOLDERS_DEEP and len(found) < _MOST_FOLDERS:
            inner = [path for place in level for path in subfolders(place) if not path.is_symlink()]
            level = inner[: 10 * _MOST_FOLDERS]
    return found[:_MOST_FOLDERS]


def _inner(place: Path) -> Path:
    """The first folder that holds more than one other folder."""
    for _ in range(_DEEPEST):
        if layout_of(place) is not None:
            return place
        inside = list(place.iterdir())
        if len(inside) != 1 or not inside[0].is_dir() or inside[0].is_symlink():
            return place
        place = inside[0]
    return place
