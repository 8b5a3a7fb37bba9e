"""Files written into folders and under names that the user gives: nothing there is replaced that we did not make."""

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from back.runtime.errors import UserError
from back.runtime.layouts.listing import shown
from modelisation.outputs.memory import MarkMemory, Memory, marked_files
from modelisation.outputs.whole import replace_file


class OutputFolder:
    """A folder for files, which may hold the user's own beside them; its mark remembers which are ours.

    A file that is there already is replaced only where the mark knows it with the content that it has: one that the
    user made, or changed since, is an error. Use as a context manager, so that the mark is written at the end.

    Args:
        folder: where to write; made with the first file.
        inputs: files that the command reads; none is ever written over, under whatever name.
        memory: which files are ours; None takes the folder's mark.

    Raises:
        UserError: the folder was made by another command, its `run.json` is somebody else's, or it is no folder.
    """

    def __init__(self, folder: Path, inputs: Iterable[Path] = (), memory: Memory | None = None) -> None:
        self.folder = folder
        self._inputs = tuple(inputs)
        if os.path.lexists(folder) and not folder.is_dir():
            raise UserError(f"{folder} is no folder; choose another name")
        marked = marked_files(folder)
        self._memory = memory or MarkMemory(folder, marked)

    def check(self, names: Iterable[str]) -> None:
        """Check that files of these names may be written, before anything is.

        Raises:
            UserError: one is an input, or there already and not ours.
        """
        for name in names:
            path = self.folder / name
            if not os.path.lexists(path):
                continue
            if path.exists() and _identity(path) in self._input_identities:
                raise UserError(f"{path} is read here and would be written over; choose another folder")
            ours = self._memory.hashes(shown(name))
            if not ours or path.is_symlink() or not path.is_file() or _sha256_of(path) not in ours:
                raise UserError(
                    f"{path} is there already and not as this command would have made it; move it, or choose another "
                    "folder"
                )

    def write(self, name: str, data: bytes) -> Path:
        """Write one file whole or not at all, and remember it; raises as `check`."""
        self.check([name])
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sha256 = hashlib.sha256(data).hexdigest()
        self._memory.before(shown(name), sha256)
        replace_file(path, data)
        self._memory.after(shown(name), sha256)
        return path

    @contextmanager
    def writing(self, names: Collection[str]) -> Iterator[dict[str, Path]]:
        """Places for files that grow while they are written: in the end all take their names, or none where it fails.

        Args:
            names: of the files.

        Yields:
            Where to write each, by its name.

        Raises:
            UserError: as `check`.
        """
        self.check(names)
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=self.folder) as partial:
            places = {name: Path(partial) / name for name in names}
            yield places
            for name, place in places.items():
                sha256 = _sha256_of(place)
                self._memory.before(shown(name), sha256)
                place.replace(self.folder / name)
                self._memory.after(shown(name), sha256)
            self._memory.save()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.save()

    @cached_property
    def _input_identities(self) -> set[tuple[int, int]]:
        return {_identity(path) for path in self._inputs if path.exists()}


def check_json_output(path: Path, keys: Collection[str], inputs: Iterable[Path] = ()) -> None:
    """Check, before the work that it is to hold is done, that a JSON file may be written.

    Args:
        path: a new file, an empty one, a pipe or device, or a JSON object of which `keys` are the keys, as the same
            command wrote it before.
        keys: some that every file of this kind has.
        inputs: files that the command reads.

    Raises:
        UserError: the path is an input, a folder, some other file that holds something, or where no file can be made.
    """
    if any(same_file(path, other) for other in inputs):
        raise UserError(f"{path} is read here and would be written over; choose another file")
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    if path.is_file() and path.stat().st_size and not _is_record(path, keys):
        raise UserError(f"{path} is there already and was not written by this command; choose another file")
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        what = "may not be written to" if folder.is_dir() else "is no folder"
        raise UserError(f"{path} cannot be made: {folder} {what}; choose another file")


def write_json(path: Path, record: Mapping[str, Any], keys: Collection[str], inputs: Iterable[Path] = ()) -> None:
    """Write a record as JSON, see `check_json_output`; folders are made where they are missing."""
    check_json_output(path, keys, inputs)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = (json.dumps(record, indent=1) + "\n").encode()
    if path.exists() and not path.is_file():  # a pipe, or /dev/stdout
        path.write_bytes(data)
    else:
        replace_file(path, data)


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by whatever spelling or link."""
    return one.exists() and other.exists() and os.path.samefile(one, other)


def _is_record(path: Path, keys: Collection[str]) -> bool:
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and set(keys) <= stored.keys()


def _identity(path: Path) -> tuple[int, int]:
    """Device and number of a file: the same for every path that leads to it."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
