"""What is remembered of a folder's files, so that those of ours are told from the user's: in the folder's mark."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from back.runtime.errors import UserError
from modelisation.outputs.mark import MARK_FILE, Mark, read_mark, write_mark

# The mark is written anew after so many files, so that little is forgotten where a process is killed.
_SAVE_EVERY = 64


class Memory(Protocol):
    """What `OutputFolder` asks; names are as `shown` prints them."""

    def hashes(self, name: str) -> Collection[str]:
        """sha256 of the contents under which a file of this name is ours; none where it is not."""
        ...

    def before(self, name: str, sha256: str) -> None:
        """A file of this name and content is about to be written."""
        ...

    def after(self, name: str, sha256: str) -> None:
        """It was."""
        ...

    def save(self) -> None:
        """Nothing more is written for now."""
        ...


class MarkMemory:
    """The memory in `run.json`: whole in memory and written whole, so for thousands of files, not for millions."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self._folder, self._files, self._unsaved = folder, files, 0

    def hashes(self, name: str) -> Collection[str]:
        return (self._files[name],) if name in self._files else ()

    def before(self, name: str, sha256: str) -> None:
        pass  # one that cannot be written stays what it was

    def after(self, name: str, sha256: str) -> None:
        self._files[name] = sha256
        self._unsaved += 1
        if self._unsaved >= _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        if self._unsaved:
            write_mark(self._folder, Mark(kind="files", files=self._files))
            self._unsaved = 0


def marked_files(folder: Path) -> dict[str, str]:
    """Name -> sha256 of the files that a folder's mark knows; none where it has no mark.

    Raises:
        UserError: the folder was made by another command, or its `run.json` is somebody else's.
    """
    mark = read_mark(folder)
    if mark is None and os.path.lexists(folder / MARK_FILE):
        raise UserError(f"{folder / MARK_FILE} is not ours and stays as it is; choose another folder")
    if mark is not None and mark.kind != "files":
        raise UserError(f"{folder} was made by another command ({mark.kind}); choose another folder")
    return dict(mark.files) if mark else {}
