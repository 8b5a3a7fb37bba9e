"""Compiled networks on disk, so that the next start skips compiling: whole, checked, and not too many of them.

OpenVINO's own cache trusts whatever lies there: a damaged file for a frequent size gave masks that were wrong in 62 %
of their pixels, and one for any size refused service until somebody deleted it. Here each file begins with the sha256
of the rest; one that does not match is deleted, and its network compiled anew. A file is written beside its place and
moved there when complete, so processes can share the folder. One in use may be deleted: whoever reads it has read it
whole.
"""

import contextlib
import hashlib
import logging
import os
import secrets
import time
from pathlib import Path

SUFFIX = ".network"
MAX_BYTES = 256_000_000  # of all files; each of the bundled networks takes some 15 MB a size
MAX_AGE_S = 30 * 24 * 3600  # since it was last used
_NEW = ".new-"
_STALE_S = 3600  # after which a half-written file belongs to a process that died
_MAGIC = b"streetseg compiled network 1\n"
log = logging.getLogger("streetseg")


def read_compiled(folder: Path, key: str) -> bytes | None:
    """What was written under this key; None where nothing was, or it is damaged (and deleted then)."""
    path = folder / f"{key}{SUFFIX}"
    try:
        with path.open("rb") as file:
            header = file.read(len(_MAGIC) + hashlib.sha256().digest_size)
            compiled = file.read()  # apart from what stands before it: a copy of both would be 15 MB more
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("the compiled network %s cannot be read (%s); it is compiled anew", path, error.strerror or error)
        return None
    if header != _MAGIC + hashlib.sha256(compiled).digest():
        log.warning("the compiled network %s is damaged; it is deleted and compiled anew", path)
        discard_compiled(folder, key)
        return None
    with contextlib.suppress(OSError):  # a folder that cannot be written to serves all the same
        os.utime(path)
    return compiled


def write_compiled(folder: Path, key: str, compiled: bytes | memoryview) -> None:
    """Keep a compiled network, and delete the oldest where there are too many.

    A full disk or a folder that cannot be written to is said in the log: the next start compiles again then.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{_NEW}{secrets.token_hex(8)}"
        try:
            with new.open("xb") as file:
                file.write(_MAGIC + hashlib.sha256(compiled).digest())
                file.write(compiled)
            new.replace(folder / f"{key}{SUFFIX}")
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        _prune(folder, keep=key)
    except OSError as error:
        log.warning("a compiled network cannot be kept in %s (%s); free space there", folder, error.strerror or error)


def discard_compiled(folder: Path, key: str) -> None:
    """Delete a file that does not serve."""
    with contextlib.suppress(OSError):
        (folder / f"{key}{SUFFIX}").unlink()


def _prune(folder: Path, keep: str) -> None:
    now = time.time()
    ours: list[tuple[float, int, Path]] = []
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):  # another process deletes here, too
            status, path = entry.stat(follow_symlinks=False), Path(entry.path)
            if path.suffix == SUFFIX:
                ours.append((status.st_mtime, status.st_size, path))
            elif path.suffix == ".blob" or (path.name.startswith(_NEW) and now - status.st_mtime > _STALE_S):
                path.unlink()  # .blob: of OpenVINO's own cache, which earlier versions used
    total = 0
    for used_at, size, path in sorted(ours, reverse=True):
        total += size
        if path.stem != keep and (total > MAX_BYTES or now - used_at > MAX_AGE_S):
            with contextlib.suppress(OSError):
                path.unlink()
