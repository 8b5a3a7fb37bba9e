"""Photos that were shared by a link, with what the models said of them: kept for a set time, then deleted.

One folder for each, made whole under another name and then renamed, so that several APIs that share the folder on a
disk can serve and delete what one of them took in.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from back.problems import Problem
from back.settings import Settings

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_ABOUT, _PHOTO, _COMPARISON, _LABEL = "about.json", "photo", "comparison.json", "label.png"
_UNFINISHED, _UNFINISHED_S = ".new-", 3600.0  # folders of an API that ended while it wrote them


@dataclass(frozen=True)
class About:
    """What is known of a shared photo.

    Attributes:
        name: of its file, as it was sent.
        width: as seen, pixels.
        models: of each its name, version and sha256, in the order of the results.
        created: seconds since 1970.
        owner: name of the key that it came with.
        token_sha256: of the token with which it may be deleted.
        label: the `name` of its label file and what its values are, `taxonomy`; None where none came with it.
    """

    name: str
    width: int
    height: int
    models: list[dict[str, str]]
    created: float
    owner: str | None
    token_sha256: str
    label: dict[str, str] | None = None


class SharedPhotos:
    """The shared photos of all APIs over one folder. May be used by several threads and processes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.shared_path

    def check_on(self) -> None:
        """Raises Problem: 404, nothing is kept here."""
        if self._settings.max_shared == 0:
            raise Problem(404, "This API keeps no photos; whoever runs it can set STREETSEG_MAX_SHARED.")

    def add(self, about: About, photo: bytes, comparison: bytes, label: bytes | None = None) -> str:
        """Keep a photo, the JSON of its results and its label file; the id, which nobody can guess.

        Raises:
            Problem: 503, there is no room for it, or the folder cannot be written to.
        """
        self.sweep()
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            new = self._path / f"{_UNFINISHED}{secrets.token_hex(8)}"
            new.mkdir(mode=0o700)
            try:
                (new / _PHOTO).write_bytes(photo)
                (new / _COMPARISON).write_bytes(comparison)
                if label is not None:
                    (new / _LABEL).write_bytes(label)
                (new / _ABOUT).write_text(json.dumps(asdict(about)), encoding="utf-8")
                with self._alone():
                    self._check_room(len(photo) + len(comparison) + len(label or b""))
                    name = secrets.token_urlsafe(16)
                    new.rename(self._path / name)
                    return name
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise
        except PermissionError as error:
            raise Problem(
                503,
                f"{self._path} cannot be written to; set STREETSEG_SHARED_DIR to another folder.",
                retry_after_s=60,
                cause="overloaded",
            ) from error

    def find(self, name: str) -> About:
        """What is known of one.

        Raises:
            Problem: 404, there is none, or its time is over.
        """
        about = self._read(name) if _ID.fullmatch(name) else None
        if about is None or self.kept_until(about) < time.time():
            kept = (
                f"shared photos are kept for {self._settings.share_hours:g} hours, unless who made them deletes them"
            )
            raise Problem(404, f"There is no shared photo {name[:40]!r}; {kept}.")
        return about

    def photo(self, name: str) -> bytes:
        """The file as it was sent; raises as `find`."""
        return self._bytes(name, _PHOTO)

    def comparison(self, name: str) -> bytes:
        """The JSON of its results; raises as `find`."""
        return self._bytes(name, _COMPARISON)

    def label(self, name: str) -> bytes:
        """The label file as it was sent.

        Raises:
            Problem: 404, none came with the photo, or see `find`.
        """
        if self.find(name).label is None:
            raise Problem(404, f"No label came with the shared photo {name!r}.")
        return self._bytes(name, _LABEL)

    def delete(self, name: str, owner: str | None, token: str | None) -> None:
        """Delete one, for who made it: with the key that it came with, or its token.

        Raises:
            Problem: 404, see `find`; 403, somebody else made it.
        """
        about = self.find(name)
        has_key = owner is not None and owner == about.owner
        if not has_key and not hmac.compare_digest(digest_of(token or ""), about.token_sha256):
            raise Problem(403, "Only who made it can delete it: with its delete_token as X-Delete-Token, or its key.")
        self._remove(name)

    def kept_until(self, about: About) -> float:
        """When it will be deleted, seconds since 1970."""
        return about.created + self._settings.share_hours * 3600

    def sweep(self) -> None:
        """Delete those whose time is over, and what was never finished."""
        now = time.time()
        for path in self._folders():
            with contextlib.suppress(OSError):
                if path.name.startswith(_UNFINISHED) and path.stat().st_mtime + _UNFINISHED_S < now:
                    shutil.rmtree(path, ignore_errors=True)
            about = self._read(path.name) if _ID.fullmatch(path.name) else None
            if about is not None and self.kept_until(about) < now:
                self._remove(path.name)

    def _check_room(self, size: int) -> None:
        kept = [path for path in self._folders() if _ID.fullmatch(path.name)]
        held = sum(file.stat().st_size for path in kept for file in path.iterdir())
        if len(kept) < self._settings.max_shared and held + size <= self._settings.max_shared_bytes:
            return
        raise Problem(
            503,
            f"{len(kept)} shared photos of {held / 1e6:.0f} MB are kept already; delete some, or try again when "
            "their time is over.",
            retry_after_s=3600,
            cause="overloaded",
        )

    def _folders(self) -> list[Path]:
        try:
            return [path for path in self._path.iterdir() if path.is_dir()]
        except OSError:  # nobody has shared anything yet
            return []

    def _read(self, name: str) -> About | None:
        try:
            return About(**json.loads((self._path / name / _ABOUT).read_bytes()))
        except (OSError, ValueError, TypeError):  # gone, or not of this release
            return None

    def _bytes(self, name: str, file: str) -> bytes:
        self.find(name)
        try:
            return (self._path / name / file).read_bytes()
        except FileNotFoundError:  # deleted meanwhile
            raise Problem(404, f"The shared photo {name!r} has just been deleted.") from None

    def _remove(self, name: str) -> None:
        """At once for whoever asks for it, whole or not at all."""
        gone = self._path / f"{_UNFINISHED}{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):  # another API did it
            (self._path / name).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other API counts the room meanwhile."""
        with (self._path / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def digest_of(token: str) -> str:
    """What is kept of a token: it is 256 random bits, so its plain hash gives nothing away."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
