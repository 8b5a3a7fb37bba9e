"""Files of runs and models copied to where an MLflow server keeps artifacts: a bucket or a folder."""

import filecmp
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from back.runtime.errors import UserError

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

_AT_ONCE = 8  # a bucket's answers take longer than its bytes


@dataclass(frozen=True)
class Folder:
    """A folder of artifacts, and the place that stands for it in the new store, `mlflow-artifacts:/…`."""

    path: Path
    place: str

    def files(self) -> dict[str, Path]:
        """Every file by its path within the destination."""
        prefix = self.place.partition(":/")[2]
        found = [
            Path(parent, name)
            for parent, _, names in os.walk(self.path)
            for name in names
            if Path(parent, name).is_file()
        ]
        return {(Path(prefix) / file.relative_to(self.path)).as_posix(): file for file in found}


def copy_artifacts(folders: Sequence[Folder], destination: str) -> int:
    """Copy every file that is not there yet, with a bar on stderr; returns how many there are.

    Raises:
        UserError: another file has the place of one, the destination does not answer, or not all arrived.
    """
    from click import progressbar
    from mlflow.exceptions import MlflowException

    files = {key: file for folder in folders for key, file in folder.files().items()}
    try:
        repository = _repository(destination)
        there = dict(_listing(repository))
        for key in sorted(there.keys() & files.keys()):
            if not _is_same(repository, key, there[key], files[key]):
                raise UserError(f"{destination}/{key} is another file than {files[key]}; name an empty place")
        missing = [key for key in files if key not in there]
        with (
            ThreadPoolExecutor(_AT_ONCE) as pool,
            progressbar(length=len(missing), label=f"{len(missing)} files to copy", file=sys.stderr) as bar,
        ):
            for _ in pool.map(lambda key: _put(repository, key, files[key]), missing):
                bar.update(1)
        there = dict(_listing(repository))
    except (UserError, OSError):
        raise
    except MlflowException as error:
        raise UserError(f"{destination} cannot be used: {str(error.message).splitlines()[0]}") from error
    except Exception as error:  # botocore has dozens of its own, and other object stores have others
        raise UserError(f"{destination} cannot be used ({type(error).__name__}: {error})") from error
    for key, file in files.items():
        if there.get(key) != file.stat().st_size:
            raise UserError(f"{file} did not arrive whole at {destination}/{key}; try again")
    return len(files)


def _repository(destination: str) -> "ArtifactRepository":
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(destination)


def _listing(repository: "ArtifactRepository", folder: str | None = None) -> Iterator[tuple[str, int]]:
    """Every file below a folder, with its size in bytes."""
    for entry in repository.list_artifacts(folder):
        if entry.is_dir:
            yield from _listing(repository, entry.path)
        else:
            yield entry.path, entry.file_size or 0


def _is_same(repository: "ArtifactRepository", key: str, size: int, file: Path) -> bool:
    if size != file.stat().st_size:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        return filecmp.cmp(repository.download_artifacts(key, scratch), file, shallow=False)


def _put(repository: "ArtifactRepository", key: str, file: Path) -> None:
    repository.log_artifact(str(file), key.rpartition("/")[0] or None)
