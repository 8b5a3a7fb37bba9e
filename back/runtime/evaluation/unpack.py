"""Files that a stranger sent, alone or in a zip, into a folder: nothing lands outside it, and all of it is bounded.

What a zip says of its sizes is not believed: bytes are counted as they come. Links, and what is no photo, label or
table, are left out, and said.
"""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from back.runtime.errors import InputError
from back.runtime.evaluation.limits import MAX_ENTRIES, EvaluationLimits
from back.runtime.layouts.listing import IMAGE_SUFFIXES, composed, shown

ZIP_HEAD = b"PK\x03\x04"
TABLE_SUFFIX = ".csv"
_WANTED = (*IMAGE_SUFFIXES, TABLE_SUFFIX)
_PIECE = 1 << 18
_MAX_NAME, _MAX_DEPTH = 200, 8
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OverflowError)
_NAMED = 3  # files that a sentence names
# Reasons to leave an entry out, and what to do.
_LEFT_OUT = {
    "link": "links, left out: send the files themselves",
    "other": "files of other kinds, left out: photos are JPEG, PNG, WEBP, HEIC or AVIF, labels PNG, a table CSV",
    "twice": "second files of one name, left out: keep one of each",
    "name": "files whose names cannot be kept, left out: rename them",
    "damaged": "files that are damaged or encrypted in the zip, left out: pack them again",
}


@dataclass
class Unpacked:
    """What came of it: how many files were kept, and those left out, by the reason."""

    kept: int = 0
    bytes: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def leave_out(self, why: str, name: str) -> None:
        self.left_out.setdefault(why, []).append(shown(name)[:120])

    def sentences(self) -> list[str]:
        """One for each reason, with the count and the first names."""
        said = []
        for why, names in self.left_out.items():
            more = f", … and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            title, _, fix = _LEFT_OUT[why].partition(": ")
            said.append(f"{title}: {len(names)}: {', '.join(names[:_NAMED])}{more}; {fix}")
        return said


def unpack(sent: Sequence[tuple[str, Path]], into: Path, limits: EvaluationLimits) -> Unpacked:
    """Put what was sent into a folder, which is made.

    Args:
        sent: the name that each file was sent with, and where it lies. A zip among them is unpacked; the others are
            moved.
        into: the folder.
        limits: see `EvaluationLimits`.

    Raises:
        InputError: there is too much of it, a name leads out of the folder, or a zip is none.
    """
    into.mkdir()
    done = Unpacked()
    for name, path in sent:
        with path.open("rb") as file:
            is_zip = file.read(4) in (ZIP_HEAD, b"PK\x05\x06")
        if is_zip:
            _unpack_zip(path, into, limits, done)
        elif (target := _place_for(name, into, done)) is not None:
            _take(path.stat().st_size, limits, done)
            shutil.move(path, target)
            done.kept += 1
        path.unlink(missing_ok=True)
    return done


def _unpack_zip(path: Path, into: Path, limits: EvaluationLimits, done: Unpacked) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise InputError(f"The zip has {len(entries)} entries, more than the {MAX_ENTRIES} allowed.", 413)
            for entry in entries:
                if not entry.is_dir():
                    _unpack_entry(archive, entry, into, limits, done)
    except _BROKEN as error:
        raise InputError("The zip cannot be read: it is damaged or cut off; pack it again.") from error


def _unpack_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path, limits: EvaluationLimits, done: Unpacked
) -> None:
    if stat.S_ISLNK(entry.external_attr >> 16):
        done.leave_out("link", entry.filename)
        return
    target = _place_for(entry.filename, into, done)
    if target is None:
        return
    if entry.compress_type not in _METHODS or entry.flag_bits & 1:
        done.leave_out("damaged", entry.filename)
        return
    try:
        with archive.open(entry) as file, target.open("xb") as copy:
            for piece in _pieces(file):
                _take(len(piece), limits, done)
                copy.write(piece)
    except _BROKEN:  # this entry alone
        target.unlink(missing_ok=True)
        done.leave_out("damaged", entry.filename)
    else:
        done.kept += 1


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _take(size: int, limits: EvaluationLimits, done: Unpacked) -> None:
    done.bytes += size
    if done.bytes > limits.unpacked_bytes:
        raise InputError(
            f"Unpacked the files take more than the {limits.unpacked_bytes / 1e6:g} MB allowed; send fewer or "
            "smaller ones.",
            413,
        )


def _place_for(name: str, into: Path, done: Unpacked) -> Path | None:
    """Where a file of this name goes; None where it is left out.

    Raises:
        InputError: the name leads out of the folder.
    """
    path = PurePosixPath(composed(name.replace("\\", "/")))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise InputError(f"The file {shown(name)[:80]!r} would leave its folder; pack the files with plain names.")
    parts = path.parts
    if not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return None  # what systems leave beside files; nobody sent it on purpose
    if path.suffix.lower() not in _WANTED:
        done.leave_out("other", name)
        return None
    fits = len(parts) <= _MAX_DEPTH and all(len(part.encode("utf-8", "replace")) <= _MAX_NAME for part in parts)
    if not fits or any(not part.isprintable() for part in parts):
        done.leave_out("name", name)
        return None
    if str(path).casefold() in done._seen:
        done.leave_out("twice", name)
        return None
    done._seen.add(str(path).casefold())
    target = into.joinpath(*parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):  # a file of the name of a folder
        done.leave_out("name", name)
        return None
    if target.exists():
        done.leave_out("name", name)
        return None
    return target
