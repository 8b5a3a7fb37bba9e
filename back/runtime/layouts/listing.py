"""What a folder of pictures or labels holds: the files that are read, and those left out with the reason.

A picture and its label share a name. Names are compared in Unicode's composed form (NFC), because macOS writes the
decomposed one, and without the suffix, whose case does not count.
"""

import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".heic",
    ".heif",
    ".avif",
)  # of two files of one name, the suffix that comes first is read
LABEL_SUFFIXES = (".png",)
# Files that stand beside pictures on purpose; nobody expects them to be read as pictures.
_NO_PICTURES = (".txt", ".json", ".csv", ".xml", ".md", ".yaml", ".yml", ".db", ".ini")
_NAMED = 3  # files that a sentence names
_CONTROLS = ("Cc", "Zl", "Zp")  # Unicode categories: what breaks a line, or tells a terminal what to do


@dataclass(frozen=True)
class Reason:
    """Why files are left out, and what to do about it."""

    title: str
    fix: str


REASONS: Mapping[str, Reason] = {
    "in_subfolder": Reason(
        "file in a sub-folder, left out", "move it up: only what lies directly in the folder is read"
    ),
    "second_of_a_name": Reason("second file of one name, left out", "keep one file of each name"),
    "companion": Reason("companion file of macOS, left out", "delete it; it holds no picture"),
    "name_not_utf8": Reason("file whose name is not UTF-8, left out", "rename it"),
    "other_format": Reason(
        "file of a kind that is not read, left out",
        "save pictures as PNG, JPEG, WEBP, HEIC or AVIF, and labels as PNG",
    ),
    "broken_link": Reason("link that leads nowhere, left out", "copy the file here, or mend the link"),
    "not_cityscapes": Reason(
        "file that is not named or placed as in Cityscapes, left out",
        "call it leftImg8bit/<split>/<city>/<name>_leftImg8bit.png",
    ),
    "label_without_image": Reason("label without an image", "add the image, or take the label out"),
}


@dataclass(frozen=True)
class LeftOut:
    """A file that is not read: `kind` is a key of `REASONS`, `path` is fit to be printed."""

    kind: str
    path: str
    detail: str = ""


@dataclass(frozen=True)
class Found:
    """The files of one kind in a split.

    Attributes:
        files: key -> file, in the order in which they are read; a key is the picture's name, after its folder's
            (`city/name`) where there are several folders.
        left_out: what is not read.
        folder: where the files lie; None where there is no such folder.
        ending: what follows the key in a file's name, before the suffix.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    folder: Path | None = None
    ending: str = ""


@dataclass(frozen=True)
class Pair:
    """A picture and its label, either of which may be missing.

    Attributes:
        name: without folder, ending and suffix; unique in the split.
        sequence: the video clip that the picture belongs to, by its name.
        wanted: where a missing label is looked for.
    """

    split: str
    name: str
    image: Path | None
    label: Path | None
    sequence: str = ""
    wanted: Path | None = None


@dataclass(frozen=True)
class Listing:
    """A split's pairs, pictures first and in order, and the files that are left out."""

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]


def scan(folder: Path | None, suffixes: Sequence[str], ending: str = "", misnamed: str | None = None) -> Found:
    """The files of a folder.

    Args:
        folder: where to look, its sub-folders left out; None finds nothing.
        suffixes: of the files that are read, the preferred one first, in lower case.
        ending: what a name must end with, before the suffix; it is no part of the key.
        misnamed: the reason for files without that ending; None passes over them without a word.
    """
    if folder is None or not folder.is_dir():
        return Found()
    files: dict[str, list[str]] = {}
    left_out: list[LeftOut] = []
    for entry in _entries(folder):
        stem, suffix = os.path.splitext(entry.name)
        wanted = suffix.lower() in suffixes
        if entry.name.startswith("._") and wanted:
            left_out.append(LeftOut("companion", shown(entry.path)))
        elif entry.name.startswith("."):
            continue
        elif entry.is_dir():
            left_out += _in_subfolder(entry, suffixes)
        elif not wanted:
            if not is_left_alone(entry.name):
                left_out.append(LeftOut("other_format", shown(entry.path)))
        elif not _is_utf8(entry.name):
            left_out.append(LeftOut("name_not_utf8", shown(entry.path)))
        elif not stem.endswith(ending):
            left_out += [LeftOut(misnamed, shown(entry.path))] if misnamed else []
        elif not entry.is_file():
            left_out.append(LeftOut("broken_link", shown(entry.path)))
        else:
            files.setdefault(composed(stem.removesuffix(ending)), []).append(entry.name)
    read = {}
    for key, names in files.items():
        first, *others = sorted(names, key=lambda name: _preference(name, suffixes))
        read[key] = folder / first
        left_out += [LeftOut("second_of_a_name", shown(folder / name), f"{first} is read") for name in others]
    return Found(read, tuple(left_out), folder, ending)


def match(split: str, images: Found, labels: Found, clip_of: Callable[[str], str]) -> Listing:
    """Pair the pictures of a split with the labels of the same keys."""
    pairs = []
    for key, image in images.files.items():
        name = name_of(key)
        wanted = labels.folder / f"{key}{labels.ending}.png" if labels.folder else None
        pairs.append(Pair(split, name, image, labels.files.get(key), clip_of(name), wanted))
    for key in sorted(labels.files.keys() - images.files.keys()):
        name = name_of(key)
        pairs.append(Pair(split, name, None, labels.files[key], clip_of(name)))
    return Listing(tuple(pairs), images.left_out + labels.left_out)


def sentences(listing: Listing) -> list[str]:
    """What is left out of a split, a sentence for each reason, with its count, the first files and what to do."""
    unused = [LeftOut("label_without_image", shown(p.label)) for p in listing.pairs if p.image is None and p.label]
    by_kind = sorted((*listing.left_out, *unused), key=lambda one: list(REASONS).index(one.kind))
    said = []
    for kind, group in groupby(by_kind, key=lambda one: one.kind):
        files = [one.path + (f" ({one.detail})" if one.detail else "") for one in group]
        more = f", … and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        reason = REASONS[kind]
        said.append(f"{reason.title}: {len(files)}: {', '.join(files[:_NAMED])}{more}; {reason.fix}")
    return said


def name_of(key: str) -> str:
    """The picture's name in a key of `Found.files`."""
    return key.rpartition("/")[2]


def child(folder: Path | None, name: str) -> Path | None:
    """The folder's own sub-folder of this name; looked for among those listed, so a name is never taken as a path."""
    return next((path for path in subfolders(folder) if path.name == name), None)


def subfolders(folder: Path | None) -> list[Path]:
    """The folders in a folder, in the order of their names; hidden ones are none of ours."""
    if folder is None or not folder.is_dir():
        return []
    return [Path(e.path) for e in _entries(folder) if not e.name.startswith(".") and e.is_dir()]


def composed(name: str) -> str:
    """A name in Unicode's composed form."""
    return unicodedata.normalize("NFC", name)


def shown(path: str | Path) -> str:
    r"""A path that can be printed on one line: bytes that are no UTF-8 as `\xe9`, a line's end as `\n`."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in _CONTROLS else c for c in text)


def is_left_alone(name: str) -> bool:
    """Whether a file stands beside pictures on purpose, so that nothing needs to be said of it."""
    return os.path.splitext(name)[1].lower() in _NO_PICTURES


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: composed(entry.name))


def _in_subfolder(folder: os.DirEntry[str], suffixes: Sequence[str]) -> Iterator[LeftOut]:
    if folder.is_symlink():  # which may lead to the whole disk
        yield LeftOut("in_subfolder", shown(folder.path))
        return
    for place, folders, names in os.walk(folder.path):
        folders.sort()
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:
                yield LeftOut("in_subfolder", shown(os.path.join(place, name)))


def _preference(name: str, suffixes: Sequence[str]) -> tuple[int, bool, str]:
    suffix = os.path.splitext(name)[1]
    return suffixes.index(suffix.lower()), name != composed(name) or suffix != suffix.lower(), name


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
