"""What a reader of a label format gives: pictures whose pixels carry names, before anybody asks for class ids."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from back.runtime.labels.source import Colour
from back.runtime.layouts.listing import IMAGE_SUFFIXES, composed
from modelisation.data.base import DatasetError
from modelisation.data.class_files import ClassSet

UNLABELLED = ""  # the name of pixels that carry no label


@dataclass(frozen=True)
class LabelMap:
    """Labels of one picture: `codes` uint16 [H, W], and the name that each code stands for."""

    codes: npt.NDArray[np.uint16]
    names: Mapping[int, str]


@dataclass(frozen=True)
class Picture:
    """One picture; `read` gives its labels, `label` is the file to name in messages."""

    name: str
    split: str
    image: Path
    label: Path
    read: Callable[[], LabelMap]


@dataclass(frozen=True)
class Export:
    """What a folder in some format holds.

    Attributes:
        title: the format's name, for people.
        name: what to call a class set of these names, after the folder.
        pictures: those with a label, in order; a picture without a split has the split "".
        names: the class names that the format declares, in its order.
        colours: of the names that have one.
        classes: the built-in class set whose names these are; None for names of the user's own.
        left_out: sentences on what is not read.
    """

    title: str
    name: str
    pictures: tuple[Picture, ...]
    names: tuple[str, ...]
    colours: Mapping[str, Colour] = field(default_factory=dict)
    classes: ClassSet | None = None
    left_out: tuple[str, ...] = ()


class Format(Protocol):
    """What a format's module offers. `TITLE` names it and says where the format is described."""

    TITLE: str

    def recognises(self, root: Path) -> bool:
        """Whether a folder is in this format; cheap, and false where another layout might be meant."""
        ...

    def read(self, root: Path) -> Export:
        """The folder's pictures. Raises `DatasetError` for what cannot be read rightly."""
        ...


def images_in(folder: Path) -> dict[str, Path]:
    """The pictures directly in a folder by their names without suffix, in order; hidden files are none."""
    if not folder.is_dir():
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            found.setdefault(composed(path.stem), path)
    return found


def image_index(root: Path) -> dict[str, Path]:
    """Every picture below a folder, by its path from there and by its file name; of equal names the first."""
    index: dict[str, Path] = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()):
        index.setdefault(composed(path.relative_to(root).as_posix()), path)
        index.setdefault(composed(path.name), path)
    return index


def paired(
    split: str,
    images: Mapping[str, Path],
    labels: Mapping[str, Path],
    reader: Callable[[Path], LabelMap],
    left_out: list[str],
) -> Iterator[Picture]:
    """The pictures that have a label of their name; the others are said in `left_out`."""
    for name in sorted(images.keys() & labels.keys()):
        label = labels[name]
        yield Picture(name, split, images[name], label, lambda label=label: reader(label))  # type: ignore[misc]
    say_missing(left_out, split, sorted(images.keys() - labels.keys()), "picture without a label")
    say_missing(left_out, split, sorted(labels.keys() - images.keys()), "label without a picture")


def load_json(path: Path) -> Any:
    """A JSON file's content; asked for twice, it is read once.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return _load(path, path.stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not readable JSON ({error})") from error


def head_of(path: Path) -> str:
    """The beginning of a text file, so that a folder of thousands of JSONs is recognised without reading them all."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(4096).lstrip()
    except OSError:
        return ""


@lru_cache(maxsize=16)
def _load(path: Path, _changed: int) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def say_missing(left_out: list[str], split: str, names: Sequence[str], what: str) -> None:
    """Add a sentence on files that are left out, with their number and the first of them."""
    if names:
        where = f" of {split}" if split else ""
        more = f", … and {len(names) - 3} more" if len(names) > 3 else ""
        left_out.append(f"{what}{where}, left out: {len(names)}: {', '.join(names[:3])}{more}")


def exported(
    root: Path,
    title: str,
    pictures: Sequence[Picture],
    names: Sequence[str],
    left_out: Sequence[str],
    colours: Mapping[str, Colour] | None = None,
    classes: ClassSet | None = None,
) -> Export:
    """What a folder holds, checked to hold a picture; names that mean no label are taken out.

    Raises:
        DatasetError: no picture has a label, or two of one split have one name.
    """
    if not pictures:
        said = f" ({'; '.join(left_out)})" if left_out else ""
        raise DatasetError(f"{root}: looks like {title} but holds no picture with a label{said}")
    seen: dict[tuple[str, str], Path] = {}
    for picture in pictures:
        other = seen.setdefault((picture.split, picture.name), picture.image)
        if other != picture.image:
            raise DatasetError(f"{picture.image} and {other} have one name; rename one, since labels go by it")
    named = tuple(dict.fromkeys(name for name in names if name != UNLABELLED))
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", root.resolve().name).strip("-._") or "own"
    return Export(title, name, tuple(pictures), named, colours or {}, classes, tuple(left_out))
