"""The photos and labels of one visitor, which of them is looked at, and their bytes: in files, not in memory.

The bytes stay as they were uploaded: what goes to the API and into downloads is never a scaled copy.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from front.api.predictions import ModelRef
from front.photos.label_files import LabelFile
from front.photos.picture import PhotoError, size_of

# What one visitor may keep; a browser tab left open must not cost the others their room.
SESSION_BYTES = 400 * 2**20


@dataclass(frozen=True)
class Share:
    """A photo's link.

    Attributes:
        id: under which the API keeps it.
        created: seconds since 1970, as is `kept_until`.
        token: with which it may be deleted; None where another made it.
        refs: the versions whose results are kept.
        label_sha: hash of the label file that the link holds, too; None without one.
    """

    id: str
    created: float
    kept_until: float
    token: str | None
    refs: tuple[ModelRef, ...]
    label_sha: str | None = None


@dataclass(frozen=True)
class Photo:
    """One photo as it was given. Width and height are those seen, after the EXIF orientation.

    Attributes:
        sha: SHA-256 of its bytes; two photos of one are the same photo.
        kept: its bytes, or the file that holds them.
        shown: where a browser and this dashboard cannot read the file itself: a JPEG of the same size, upright.
    """

    sha: str
    name: str
    width: int
    height: int
    size: int
    kept: bytes | Path = field(repr=False)
    shown: bytes | Path | None = field(default=None, repr=False)

    @property
    def data(self) -> bytes:
        """The file's bytes.

        Raises:
            PhotoError: they are gone, because another window of the same visitor removed the photo.
        """
        return self._read(self.kept)

    @property
    def picture(self) -> bytes:
        """What to show of it: the file itself, or the JPEG in place of it. Raises PhotoError, see `data`."""
        return self._read(self.kept if self.shown is None else self.shown)

    def _read(self, kept: bytes | Path) -> bytes:
        try:
            return kept if isinstance(kept, bytes) else kept.read_bytes()
        except OSError as error:
            raise PhotoError(f"{self.name} has been removed.") from error

    @property
    def stem(self) -> str:
        return Path(self.name).stem


def read_photo(name: str, data: bytes, shown: bytes | None = None) -> Photo:
    """Look at a file's header.

    Args:
        shown: see `Photo`; then the header of this one counts.

    Raises:
        PhotoError: not an image that can be read, or too many pixels to preview.
    """
    width, height = size_of(name, data if shown is None else shown)
    size = len(data) + len(shown or b"")
    return Photo(hashlib.sha256(data).hexdigest(), name, width, height, size, data, shown)


_File = TypeVar("_File", Photo, LabelFile)


class Album:
    """The photos of one visitor, in the order they came, which one is looked at, and the labels given for them.

    The files go with the album: when nobody holds it any more, or with the process.

    Attributes:
        selected: hash of the photo looked at; None without photos.
        refused: why the API refused a photo for what it is, by its hash.
        shares: the link of a photo, by its hash; they stay when the photo is removed, or nobody could delete them.
        corrections: what was corrected of a map, by its photo's hash, model, version and weights; see the viewer.
        batch_stopped: whether the visitor cancelled the batch.
    """

    def __init__(self, make_room: Callable[[int], bool] = lambda _: True) -> None:
        """`make_room` says whether so many bytes more may be kept by all visitors together, and may see to it."""
        self.photos: dict[str, Photo] = {}
        self.labels: dict[str, LabelFile] = {}
        self.selected: str | None = None
        self.refused: dict[str, str] = {}
        self.shares: dict[str, Share] = {}
        self.corrections: dict[tuple[str, ...], tuple[int, ...]] = {}
        self.batch_stopped = False
        self._make_room = make_room
        self._folder: TemporaryDirectory[str] | None = None

    @property
    def bytes_kept(self) -> int:
        photos, labels = self.photos.values(), self.labels.values()
        return sum(photo.size for photo in photos) + sum(label.size for label in labels)

    @property
    def current(self) -> Photo | None:
        return self.photos.get(self.selected) if self.selected else None

    def add(self, name: str, data: bytes, shown: bytes | None = None) -> Photo:
        """Keep a photo, with the JPEG to show in place of it where it needs one, and look at it when it is the first.

        Raises:
            PhotoError: see `read_photo`; or there is no room.
        """
        photo = read_photo(name, data, shown)
        if photo.sha not in self.photos:
            self._make_sure_it_fits(name, photo.size)
            kept = self._keep(photo, photo.sha, data)
            if shown is not None:
                kept = replace(kept, shown=self._write(kept, f"{photo.sha}-shown", shown))
            self.photos[photo.sha] = kept
        self.selected = self.selected or photo.sha
        return self.photos[photo.sha]

    def add_label(self, sha: str, label: LabelFile) -> None:
        """Keep the label of a photo in place of one given before.

        Raises:
            PhotoError: there is no room.
        """
        before = self.labels.get(sha)
        self._make_sure_it_fits(label.name, label.size - (before.size if before else 0))
        self.remove_label(sha)
        self.labels[sha] = self._keep(label, f"{sha}-label", label.data)

    def refuse(self, photo: Photo, reason: str) -> None:
        """Keep why the API refused a photo, unless another window has removed it meanwhile."""
        if photo.sha in self.photos:
            self.refused[photo.sha] = reason

    def remove_label(self, sha: str) -> None:
        _forget(self.labels.pop(sha, None))

    def remove(self, sha: str) -> None:
        _forget(self.photos.pop(sha, None))
        self.refused.pop(sha, None)
        self.remove_label(sha)
        self.corrections = {key: runs for key, runs in self.corrections.items() if key[0] != sha}
        if self.selected == sha:
            self.selected = next(iter(self.photos), None)

    def clear(self) -> None:
        for sha in list(self.photos):
            self.remove(sha)
        self.batch_stopped = False

    def _keep(self, file: _File, name: str, data: bytes) -> _File:
        """The same photo or label with its bytes in a file that only this user of the machine can read."""
        return replace(file, kept=self._write(file, name, data))

    def _write(self, file: Photo | LabelFile, name: str, data: bytes) -> Path:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="streetseg-photos-", ignore_cleanup_errors=True)
        path = Path(self._folder.name, name)
        try:
            path.write_bytes(data)
        except OSError as error:
            path.unlink(missing_ok=True)
            reason = error.strerror or str(error)
            raise PhotoError(f"{file.name} cannot be kept on the dashboard's server: {reason}.") from error
        return path

    def _make_sure_it_fits(self, name: str, size: int) -> None:
        if self.bytes_kept + size > SESSION_BYTES:
            raise PhotoError(
                f"{name} does not fit: a session holds {SESSION_BYTES >> 20} MB. Remove other photos first."
            )
        if not self._make_room(size):
            raise PhotoError(
                f"{name} does not fit: the dashboard keeps as many photos as it can. Try again in a few minutes."
            )


def _forget(file: Photo | LabelFile | None) -> None:
    for kept in () if file is None else (file.kept, getattr(file, "shown", None)):
        if isinstance(kept, Path):
            kept.unlink(missing_ok=True)
