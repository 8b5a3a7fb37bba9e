"""The zip of everything: filled file by file from what is there, and going on where an error stopped it."""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from PIL import Image

from front.api import predictions
from front.api.client import ApiClient, Json
from front.api.comparison import Segmentation
from front.api.errors import ApiError
from front.api.predictions import ModelRef, PredictionCache
from front.photos import png
from front.photos.album import Photo
from front.photos.picture import PhotoError, upright_pixels
from front.segment.csv import Row, csv_of
from front.ui.file_names import legal_name, tell_apart

Progress = Callable[[int, int, str], None]
_BLENDING = Lock()  # a photo of 64 megapixels takes 400 MB: one at a time, whoever asks
_ROWS = 512  # blended at once


class Archive:
    """Masks, class maps and overlays of photos by models, `classes.json` and `class_shares.csv`, in a temporary file.

    Made here of the class maps that the page has; the API is asked only for those that are missing. Overlays are
    JPEG: as PNG they would be a hundred times the masks' size.
    """

    def __init__(
        self, photos: Sequence[Photo], refs: Sequence[ModelRef], opacity: float, taxonomies: Mapping[str, Json]
    ) -> None:
        """`taxonomies` are the models' class sets by name."""
        self.key = archive_key(photos, refs, opacity)
        self.finished = False
        self._photos, self._refs, self._opacity = tuple(photos), tuple(refs), opacity
        self._taxonomies = taxonomies
        self._rows: dict[tuple[str, str], Row] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it goes with this object, at the end of the session)
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)  # PNG and JPEG do not shrink further
        self._reading = Lock()

    def fill(self, client: ApiClient, cache: PredictionCache, progress: Progress, refused: Mapping[str, str]) -> None:
        """Add what is missing. A photo that the API refuses is told in the CSV and does not stop the others.

        Args:
            refused: why, by content hash, for photos known to be refused; they are not sent again.

        Raises:
            ApiError: a call brought no result, for another reason than its photo; call again to go on.
        """
        folders = tell_apart([legal_name(photo.stem) for photo in self._photos])
        names = tell_apart([legal_name(ref.name) for ref in self._refs])
        for photo, folder in zip(self._photos, folders, strict=True):
            missing = [ref for ref in self._refs if (photo.sha, ref.name) not in self._rows]
            if not missing:
                continue
            progress(len(self._rows), len(self._photos) * len(self._refs), photo.name)
            if photo.sha in refused:
                self._refuse(photo, missing, refused[photo.sha])
                continue
            try:
                answers = predictions.segment(client, cache, photo, self._refs)
                pixels = upright_pixels(photo.name, photo.picture)
            except ApiError as error:
                if not error.of_photo:
                    raise
                self._refuse(photo, missing, error.advice)
                continue
            except PhotoError as error:
                self._refuse(photo, missing, str(error))
                continue
            for ref, name in zip(self._refs, names, strict=True):
                if ref in missing:
                    self._add(pixels, f"{folder}/{name}", answers[ref.name])
                    self._rows[photo.sha, ref.name] = Row(photo, answers[ref.name])
        if not self.finished:
            order = [(photo.sha, ref.name) for photo in self._photos for ref in self._refs]
            self._zip.writestr("classes.json", classes_json(self._refs, self._taxonomies))
            self._zip.writestr("class_shares.csv", csv_of(self._rows[key] for key in order))
            self._zip.close()
            self.finished = True

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    @property
    def refusals(self) -> int:
        """How many photos were refused."""
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

    def _add(self, pixels: Image.Image, stem: str, shown: Segmentation) -> None:
        colours = [tuple(c["color"]) for c in self._taxonomies[shown.model]["classes"]]
        mask = png.add_palette(shown.classes_png, colours)
        self._zip.writestr(f"{stem}_mask.png", mask)
        self._zip.writestr(f"{stem}_classes.png", shown.classes_png)
        self._zip.writestr(f"{stem}_overlay.jpg", overlay_jpeg(pixels, mask, self._opacity))


def archive_key(photos: Sequence[Photo], refs: Sequence[ModelRef], opacity: float) -> tuple[object, ...]:
    """What an archive holds; two of one key are the same."""
    return (tuple(photo.sha for photo in photos), tuple(refs), opacity)


def classes_json(refs: Sequence[ModelRef], taxonomies: Mapping[str, Json]) -> str:
    """What the values of the class maps mean: one entry a class, with the models that have it under this id."""
    meanings: dict[tuple[int, str, tuple[int, ...]], list[str]] = {}
    for ref in refs:
        for c in taxonomies[ref.name]["classes"]:
            meanings.setdefault((c["id"], c["name"], tuple(c["color"])), []).append(ref.name)
    entries = [
        {"id": id_, "name": name, "colour": list(colour), "models": models}
        for (id_, name, colour), models in meanings.items()
    ]
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def overlay_jpeg(pixels: Image.Image, mask_png: bytes, opacity: float) -> bytes:
    """The photo under the colours of its mask, as JPEG; `pixels` are upright RGB of the mask's size."""
    out = io.BytesIO()
    with _BLENDING, Image.open(io.BytesIO(mask_png)) as mask:
        blended = pixels.copy()
        for top in range(0, mask.height, _ROWS):
            box = (0, top, mask.width, min(top + _ROWS, mask.height))
            blended.paste(Image.blend(pixels.crop(box), mask.crop(box).convert("RGB"), opacity), box)
        blended.save(out, "JPEG", quality=92)
    return out.getvalue()
