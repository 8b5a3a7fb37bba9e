"""The zip of everything: filled file by file, and going on where an error stopped it."""

import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from PIL import Image

from front.api import predictions
from front.api.client import ApiClient, Segmentation
from front.api.errors import ApiError
from front.api.predictions import ModelRef, PredictionCache
from front.photos.album import Photo
from front.segment.csv import Row, csv_of
from front.segment.files import fetch

Progress = Callable[[int, int, str], None]


class Archive:
    """Masks, class maps and overlays of photos by models, with `class_shares.csv`, in a temporary file.

    Masks are the API's bytes. Overlays are JPEG: as PNG they would be a hundred times the masks' size.
    """

    def __init__(self, photos: Sequence[Photo], refs: Sequence[ModelRef], opacity: float) -> None:
        self.key = archive_key(photos, refs, opacity)
        self.finished = False
        self._photos, self._refs, self._opacity = tuple(photos), tuple(refs), opacity
        self._rows: dict[tuple[str, str], Row] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it goes with this object, at the end of the session)
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)  # PNG and JPEG do not shrink further
        self._reading = Lock()

    def fill(
        self,
        client: ApiClient,
        cache: PredictionCache,
        files: PredictionCache,
        progress: Progress,
        refused: Mapping[str, str],
    ) -> None:
        """Add what is missing. A photo that the API refuses is told in the CSV and does not stop the others.

        Args:
            refused: why, by content hash, for photos known to be refused; they are not sent again.

        Raises:
            ApiError: a call brought no result, for another reason than its photo; call again to go on.
        """
        steps = len(self._photos) * len(self._refs)
        for photo, stem in zip(self._photos, unique([p.stem for p in self._photos]), strict=True):
            missing = [ref for ref in self._refs if (photo.sha, ref.name) not in self._rows]
            if not missing:
                continue
            progress(len(self._rows), steps, photo.name)
            if photo.sha in refused:
                self._refuse(photo, missing, refused[photo.sha])
                continue
            try:
                answers = predictions.segment(client, cache, photo, self._refs)
                for ref in missing:
                    progress(len(self._rows), steps, photo.name)
                    self._add(client, files, photo, f"{stem}/{ref.name}", answers[ref.name])
                    self._rows[photo.sha, ref.name] = Row(photo, answers[ref.name])
            except ApiError as error:
                if not error.of_photo:
                    raise
                self._refuse(photo, missing, error.advice)
        if not self.finished:
            order = [(photo.sha, ref.name) for photo in self._photos for ref in self._refs]
            self._zip.writestr("class_shares.csv", csv_of(self._rows[key] for key in order))
            self._zip.close()
            self.finished = True

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    @property
    def refusals(self) -> int:
        """How many photos the API refused."""
        return len({row.photo.sha for row in self._rows.values() if row.note})

    def read(self) -> bytes:
        """The finished zip's bytes."""
        with self._reading:
            self._file.seek(0)
            return self._file.read()

    def _refuse(self, photo: Photo, refs: Sequence[ModelRef], reason: str) -> None:
        """Tell in the CSV why there is nothing of these models for a photo."""
        for ref in refs:
            self._rows.setdefault((photo.sha, ref.name), Row(photo, ref, f"refused: {reason}"))

    def _add(self, client: ApiClient, files: PredictionCache, photo: Photo, stem: str, shown: Segmentation) -> None:
        mask = fetch(client, files, photo, shown, "mask", self._opacity)
        overlay = as_jpeg(fetch(client, files, photo, shown, "overlay", self._opacity))
        self._zip.writestr(f"{stem}_mask.png", mask)
        self._zip.writestr(f"{stem}_classes.png", shown.classes_png)
        self._zip.writestr(f"{stem}_overlay.jpg", overlay)


def archive_key(photos: Sequence[Photo], refs: Sequence[ModelRef], opacity: float) -> tuple[object, ...]:
    """What an archive holds; two of one key are the same."""
    return (tuple(photo.sha for photo in photos), tuple(refs), opacity)


def as_jpeg(png: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def unique(stems: Sequence[str]) -> list[str]:
    """Folder names: photos of the same name get a number."""
    names: list[str] = []
    for stem in stems:
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return names
