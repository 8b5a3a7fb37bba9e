"""The folder of all jobs: one folder in it for each. Several APIs of one machine may share it.

Who may do what at a time is told by locks on open files (flock), which the system lifts when a process ends, however
it ends, and which hold between containers that share a volume of one machine.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Set
from pathlib import Path

_LOCK_FILE = "lock"


class JobFolder:
    """Made where it is missing.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "of").mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)

    def take_over(self) -> bool:
        """Become the one that works on the jobs, until `close`; False while another is."""
        return _lock_now(self._lock)

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Alone, while the table is made."""
        with _locked(self.path, fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """While the files of a job arrive that is not in the table yet."""
        with _locked(self.path / "of", fcntl.LOCK_SH):
            yield

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

    def remove_unknown(self, known: Callable[[], Set[str]]) -> None:
        """Delete folders of jobs that are in no table: their API ended while it received the files.

        Nothing is deleted while files arrive anywhere, which the next call makes up for.
        """
        place = os.open(self.path / "of", os.O_RDONLY)
        try:
            if _lock_now(place):
                names = known()
                for path in (self.path / "of").iterdir():
                    if path.name not in names:
                        shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(place)

    def close(self) -> None:
        os.close(self._lock)


def _lock_now(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, how)
        yield
    finally:
        os.close(file)
