"""The mark that tells a folder of ours from one of the user's: a file `run.json` that a command wrote into it.

Nothing is deleted that lies in a folder without it. A folder that is to be filled is empty, missing, or marked by the
same kind of command before.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from back.runtime.errors import UserError
from modelisation.outputs.whole import replace_file

MARK_FILE = "run.json"
# What a folder was made by: deleting a trial's leavings must not take a run that somebody wants to keep.
Kind = Literal["run", "search", "ablation", "scenes", "predictions", "demo", "files"]
_NAMED = 3


class Mark(BaseModel):
    """The content of `run.json`.

    Attributes:
        kind: which commands made the folder.
        splits: of a run: split -> sha256 of its file list, so that it is resumed on the same data alone.
        files: of a folder that may hold other files too: name -> sha256 of each file that was written into it.
    """

    model_config = ConfigDict(frozen=True)
    made_by: Literal["streetseg"] = "streetseg"
    kind: Kind
    splits: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)


def read_mark(folder: Path) -> Mark | None:
    """A folder's mark; None where it has none, and for a `run.json` that is somebody else's."""
    try:
        return Mark.model_validate_json((folder / MARK_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValidationError):
        return None


def write_mark(folder: Path, mark: Mark) -> None:
    """Write a folder's mark whole or not at all. The caller has checked that the folder is ours."""
    replace_file(folder / MARK_FILE, (json.dumps(mark.model_dump(), indent=1) + "\n").encode())


def obstacle(folder: Path, kind: Kind, inputs: Iterable[Path] = ()) -> str | None:
    """Why a folder may not be filled, and emptied again, by commands of a kind, as a sentence. Writes nothing.

    Args:
        folder: free where it is missing, empty, or marked by the same kind.
        kind: of the command.
        inputs: what the command reads; none of it may lie in the folder.
    """
    for path in inputs:
        if lies_in(path, folder):
            return f"{folder} holds {path}, which is read here; choose another folder to write into"
    if not os.path.lexists(folder):
        return None
    if not folder.is_dir():
        return f"{folder} is no folder; choose another name"
    mark = read_mark(folder)
    if mark is not None:
        other = f"{folder} was made by another command ({mark.kind}) and stays as it is; choose another folder"
        return None if mark.kind == kind else other
    there = sorted(path.name for path in folder.iterdir())
    named = ", ".join(there[:_NAMED]) + (", …" if len(there) > _NAMED else "")
    return (
        f"{folder} holds files that are not ours ({named}) and stays as it is; choose a new or an empty folder"
        if there
        else None
    )


def check_free(folder: Path, kind: Kind, inputs: Iterable[Path] = ()) -> None:
    """Raises UserError: there is an `obstacle`."""
    if (reason := obstacle(folder, kind, inputs)) is not None:
        raise UserError(reason)


def claim(folder: Path, mark: Mark, inputs: Iterable[Path] = ()) -> None:
    """Make a folder ours, see `check_free`; what a command of the same kind left in it stays."""
    check_free(folder, mark.kind, inputs)
    folder.mkdir(parents=True, exist_ok=True)
    write_mark(folder, mark)


def empty(folder: Path, kind: Kind) -> None:
    """Delete what lies in a marked folder, the mark last; the folder itself stays.

    Raises:
        UserError: the folder does not carry the mark of this kind.
    """
    check_free(folder, kind)
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir(), key=lambda path: path.name == MARK_FILE):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def remove(folder: Path, kind: Kind) -> None:
    """Delete a marked folder, see `empty`; of a link to one only the content."""
    empty(folder, kind)
    release(folder)


def release(folder: Path) -> None:
    """Take our mark off a folder that holds nothing else, and delete it; any other stays as it is."""
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {MARK_FILE}:
        return
    if read_mark(folder) is not None:
        (folder / MARK_FILE).unlink()
    if not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()


def lies_in(path: Path, folder: Path) -> bool:
    """Whether a path is the folder or lies in it, however both are spelt: with links, `..`, or another case."""
    if not folder.exists():
        return False
    real = Path(os.path.realpath(path))
    return any(parent.exists() and os.path.samefile(parent, folder) for parent in (real, *real.parents))
