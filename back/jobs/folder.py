"""The folder of all jobs: one folder in it for each, held by one API at a time."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Set
from pathlib import Path

from back.runtime.errors import UserError

_LOCK_FILE = "lock"


class JobFolder:
    """Made where it is missing.

    Raises:
        UserError: another API works in it.
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "of").mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise UserError(f"{path} is used by another API; set STREETSEG_JOBS_DIR to another folder") from None

    def of(self, name: str) -> Path:
        """The folder of one job."""
        return self.path / "of" / name

    def size(self) -> int:
        """Bytes of all jobs together."""
        total = 0
        for path in (self.path / "of").rglob("*"):
            with contextlib.suppress(OSError):  # taken away meanwhile
                total += path.stat().st_size
        return total

    def remove(self, name: str) -> None:
        """Delete what one job left."""
        shutil.rmtree(self.of(name), ignore_errors=True)

    def clear(self, name: str, keep: Set[str]) -> None:
        """Delete what lies in the folder of one job, but for these names."""
        with contextlib.suppress(OSError):
            for path in self.of(name).iterdir():
                if path.name not in keep and path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name not in keep:
                    path.unlink(missing_ok=True)

    def remove_unknown(self, known: Set[str]) -> None:
        """Delete folders of jobs that are in no table: their API ended while it received the files."""
        for path in (self.path / "of").iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        os.close(self._lock)
