"""Which photos a command line names: files, folders, lists (one path a line), and prefixes in S3.

A photo's files in the folder of the labels are called as the photo is: by its own name where a file or a folder was
named, by its path from the list or from the prefix where one of these was, so that a tree stays a tree.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from back.runtime.errors import UserError
from back.runtime.layouts.listing import (
    IMAGE_SUFFIXES,
    REASONS,
    LeftOut,
    Listing,
    composed,
    is_left_alone,
    scan,
    sentences,
    shown,
)
from modelisation.labelling.buckets import list_keys
from modelisation.labelling.source import SCHEME, Source, is_in_bucket
from modelisation.outputs.files import same_file

LIST_SUFFIX = ".txt"


@dataclass(frozen=True)
class Found:
    """What was named.

    Attributes:
        sources: the photos, each with a name of its own.
        left_out: what lies in folders beside them and is not read.
        refused: file and reason of what was named in a list or lies under a prefix, and cannot be labelled.
    """

    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()

    def sentences(self) -> list[str]:
        """What is left out, a sentence for each reason."""
        return sentences(Listing((), self.left_out))

    def errors(self) -> Iterator[tuple[str, str]]:
        """File and reason of everything that was named or lies there, and is no source."""
        yield from self.refused
        for one in self.left_out:
            reason = REASONS[one.kind]
            yield one.path, f"{reason.title}{f' ({one.detail})' if one.detail else ''}; {reason.fix}"


def find_sources(paths: Sequence[str], out: Path) -> Found:
    """The photos named, those in the folders, lists and prefixes named, and what of these is left out.

    A folder is read as a data set's folder of pictures is: the same files, in the same order, the same words. A photo
    that is named twice is read once.

    Args:
        paths: photos, folders of photos, lists, S3 URLs.
        out: folder of the labels, which may lie in one of these folders and holds no photos.

    Raises:
        UserError: a path does not exist, a folder, list or prefix holds no photo, two photos that were named, or lie
            in folders that were, would give one file, or a photo's labels would lie beside it.
    """
    sources: dict[str, Source] = {}
    left_out: list[LeftOut] = []
    refused: list[tuple[str, str]] = []
    for path in paths:
        if is_in_bucket(path):
            found = _under_prefix(path)
        elif path.lower().endswith(LIST_SUFFIX) and not Path(path).is_dir():
            found = _in_list(Path(path))
        else:
            found = _on_disk(Path(path), out)
        left_out += found.left_out
        refused += found.refused
        many = is_in_bucket(path) or path.lower().endswith(LIST_SUFFIX)
        for one in found.sources:
            other = sources.setdefault(composed(one.name), one)
            if other is one or _same(one, other):
                continue
            sentence = (
                f"{shown(other.file)} and {shown(one.file)}: two photos are called {shown(one.name)}, so that their "
                "labels would overwrite each other; predict them into two folders"
            )
            if not many:
                raise UserError(sentence)
            refused.append((one.file, sentence))
    _check_not_beside(sources.values(), out)
    return Found(tuple(sources.values()), tuple(left_out), tuple(refused))


def _on_disk(path: Path, out: Path) -> Found:
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if not path.is_dir():
        return Found((Source(str(path), path.stem),))
    inside = scan(path, IMAGE_SUFFIXES)
    strange = tuple(one for one in inside.left_out if not Path(one.path).resolve().is_relative_to(out.resolve()))
    found = Found(tuple(Source(str(file), file.stem) for file in inside.files.values()), strange)
    if not inside.files:
        why = "".join(f"; {sentence}" for sentence in found.sentences())
        raise UserError(f"{path}: holds no photo ({', '.join(IMAGE_SUFFIXES)}){why}")
    return found


def _in_list(path: Path) -> Found:
    """The photos that a text file names, a path or S3 URL a line, relative to its own folder."""
    if not path.exists():
        raise UserError(f"{path}: no such file")
    lines = [os.fsdecode(line.rstrip(b"\r")) for line in path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    sources: list[Source] = []
    refused: list[tuple[str, str]] = []
    for line in filter(str.strip, lines):
        if "\0" in line:
            raise UserError(f"{path} is no list of photos; write one path a line")
        if is_in_bucket(line):
            _add_object(line, SCHEME, sources, refused)
        else:
            sources.append(Source(str(path.parent / line), _name_from(path.parent, line)))
    if not sources and not refused:
        raise UserError(f"{path}: names no photo; write one path a line")
    return Found(tuple(sources), (), tuple(refused))


def _name_from(folder: Path, line: str) -> str:
    """The path from the list's folder; of a photo elsewhere the path from the root, so that no two are the same."""
    base, path = Path(os.path.abspath(folder)), Path(os.path.abspath(folder / line))
    inside = path.relative_to(base) if path.is_relative_to(base) else path.relative_to(path.anchor)
    return (inside.parent / inside.stem).as_posix()


def _under_prefix(url: str) -> Found:
    sources: list[Source] = []
    left_out: list[LeftOut] = []
    refused: list[tuple[str, str]] = []
    keys = list_keys(url)
    prefix = f"{url.rstrip('/')}/" if keys != [url] else url.rpartition("/")[0] + "/"
    for key in keys:
        path = PurePosixPath(key)
        if path.name.startswith("."):
            continue
        if path.suffix.lower() in IMAGE_SUFFIXES or keys == [url]:
            _add_object(key, prefix, sources, refused)
        elif not is_left_alone(path.name):
            left_out.append(LeftOut("other_format", shown(key)))
    if not sources and not refused:
        raise UserError(f"{url}: holds no photo ({', '.join(IMAGE_SUFFIXES)})")
    return Found(tuple(sources), tuple(left_out), tuple(refused))


def _add_object(url: str, prefix: str, sources: list[Source], refused: list[tuple[str, str]]) -> None:
    key = url.removeprefix(prefix)
    parts = key.split("/")
    if not all(parts) or {".", ".."} & set(parts):  # which would lead out of the folder of the labels
        refused.append((url, "its key has an empty part, `.` or `..` between slashes; copy it under another key"))
        return
    sources.append(Source(url, "/".join([*parts[:-1], PurePosixPath(parts[-1]).stem])))


def _same(one: Source, other: Source) -> bool:
    if one.file == other.file:
        return True
    return one.path is not None and other.path is not None and same_file(one.path, other.path)


def _check_not_beside(sources: Iterable[Source], out: Path) -> None:
    """Refuse labels in the folder of their photo."""
    pairs = {(one.path.parent, PurePosixPath(one.name).parent) for one in sources if one.path is not None}
    for folder, place in pairs:
        if same_file(folder, out / place):
            raise UserError(f"{out / place} is the photos' own folder; choose another for their labels")
