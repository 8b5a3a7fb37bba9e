"""Files written into folders and under names that the user gives: nothing there is replaced that we did not make."""

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from back.runtime.errors import UserError
from back.runtime.layouts.listing import shown
from modelisation.outputs.mark import MARK_FILE, Mark, read_mark, write_mark
from modelisation.outputs.whole import replace_file

# The mark is written anew after so many files, so that little is forgotten where a process is killed.
_REMEMBER_EVERY = 64


class OutputFolder:
    """A folder for files, which may hold the user's own beside them; its mark remembers which are ours.

    A file that is there already is replaced only where the mark knows it with the content that it has: one that the
    user made, or changed since, is an error. Use as a context manager, so that the mark is written at the end.

    Args:
        folder: where to write; made with the first file.
        inputs: files that the command reads; none is ever written over, under whatever name.

    Raises:
        UserError: the folder was made by another command, its `run.json` is somebody else's, or it is no folder.
    """

    def __init__(self, folder: Path, inputs: Iterable[Path] = ()) -> None:
        self.folder = folder
        self._inputs = tuple(inputs)
        self._unsaved = 0
        if os.path.lexists(folder) and not folder.is_dir():
            raise UserError(f"{folder} is no folder; choose another name")
        mark = read_mark(folder)
        if mark is None and os.path.lexists(folder / MARK_FILE):
            raise UserError(f"{folder / MARK_FILE} is not ours and stays as it is; choose another folder")
        if mark is not None and mark.kind != "files":
            raise UserError(f"{folder} was made by another command ({mark.kind}); choose another folder")
        self._files = dict(mark.files) if mark else {}

    def check(self, names: Iterable[str]) -> None:
        """Check that files of these names may be written, before anything is.

        Raises:
            UserError: one is an input, or there already and not ours.
        """
        for name in names:
            path = self.folder / name
            if not os.path.lexists(path):
                continue
            if any(same_file(path, other) for other in self._inputs):
                raise UserError(f"{path} is read here and would be written over; choose another folder")
            if path.is_symlink() or not path.is_file() or self._files.get(shown(name)) != _sha256_of(path):
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
        replace_file(path, data)
        self._files[shown(name)] = _sha256(data)
        self._unsaved += 1
        if self._unsaved >= _REMEMBER_EVERY:
            self._remember()
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
                self._files[shown(name)] = _sha256_of(place)
                place.replace(self.folder / name)
            self._remember()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unsaved:
            self._remember()

    def _remember(self) -> None:
        write_mark(self.folder, Mark(kind="files", files=self._files))
        self._unsaved = 0


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


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
