"""API keys: named, kept as hashes in a file, shown once when they are made.

A key is 256 random bits, so its plain SHA-256 gives nothing away: slow hashes are for passwords that people choose.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from pathlib import Path

from back.runtime.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LINE = re.compile(rf"(?P<name>{_NAME.pattern}) sha256:(?P<digest>[0-9a-f]{{64}})")
_LOOK_SECONDS = 1.0
log = logging.getLogger("streetseg")


class Keys:
    """The keys of a file, read again when it changes: a key that is taken out of it ends at once.

    Raises:
        UserError: the file cannot be read, or holds no key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = None
        self._looked_at = 0.0
        self._digests: dict[str, str] = {}
        self._digests = read_keys(path)
        self._seen = _state(path)
        if not self._digests:
            raise UserError(f"{path} holds no keys; make one with: python -m back keys add NAME")

    def name_of(self, key: str) -> str | None:
        """The name of a key, None for one that is not in the file. Takes as long for one as for the other."""
        self._look()
        digest, found = digest_of(key), None
        for name, known in self._digests.items():  # all of them, whichever fits
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            state = _state(self._path)
            if state != self._seen:
                self._digests, self._seen = read_keys(self._path), state
                log.info("%s: %d keys", self._path, len(self._digests))
        except (OSError, UserError) as error:
            if self._seen is not None:
                log.error("The keys of before stay in force: %s", error)
            self._seen = None


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read_keys(path: Path) -> dict[str, str]:
    """Name -> digest.

    Raises:
        UserError: the file is not there, cannot be read or is no key file.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no text"
        raise UserError(
            f"{path} cannot be read ({reason.lower()}); make it with: python -m back keys add NAME"
        ) from error
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise UserError(f"{path}, line {number}, is no key; `python -m back keys` writes this file")
        found[match["name"]] = match["digest"]
    return found


def add_key(path: Path, name: str) -> str:
    """Make a key and keep its hash; the key itself, which is nowhere else.

    Raises:
        UserError: the name is taken or odd, or the file cannot be read or written.
    """
    if _NAME.fullmatch(name) is None:
        raise UserError(f"{name!r} is no name for a key; take letters, digits, '.', '_' and '-', at most 64")
    keys = read_keys(path) if path.exists() else {}
    if name in keys:
        raise UserError(f"{path} holds a key {name} already; take another name, or remove it first")
    key = f"streetseg_{secrets.token_urlsafe(32)}"
    _write(path, keys | {name: digest_of(key)})
    return key


def remove_key(path: Path, name: str) -> None:
    """Take a key out of the file.

    Raises:
        UserError: there is no such key, or the file cannot be read or written.
    """
    keys = read_keys(path)
    if name not in keys:
        raise UserError(f"{path} holds no key {name}; it holds {', '.join(sorted(keys)) or 'none'}")
    _write(path, {other: digest for other, digest in keys.items() if other != name})


def _write(path: Path, keys: dict[str, str]) -> None:
    """Whole or not at all, and readable to its owner alone."""
    text = "# API keys of StreetSeg: names and hashes. `python -m back keys` writes this file.\n"
    text += "".join(f"{name} sha256:{digest}\n" for name, digest in keys.items())
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from error


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
