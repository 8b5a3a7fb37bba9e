"""Photos of a session: reading what was uploaded, small previews for display, and where they are kept.

The bytes stay as they were uploaded: what goes to the API and into downloads is never a scaled copy. For a preview
one photo is decoded at a time, in one copy, and a JPEG only to about the size that is shown.
"""

import hashlib
import io
import warnings
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from front.photos.label_files import LabelFile

FORMATS = ("JPEG", "PNG", "WEBP")
EXTENSIONS = ("jpg", "jpeg", "png", "webp")
DISPLAY_SIDE = 1600
# What one session may hold; a browser tab left open must not cost the others their memory.
SESSION_BYTES = 400 * 2**20
# Above this a preview is not attempted: decoding a PNG costs four bytes a pixel.
MAX_PIXELS = 120_000_000
_DECODING = Lock()
_ROTATED = (5, 6, 7, 8)
_ORIENTATION = 0x0112


class PhotoError(ValueError):
    """A file that cannot be shown; the text says why and what to do."""


@dataclass(frozen=True)
class Photo:
    """One photo as it was given. Width and height are those seen, after the EXIF orientation."""

    sha: str
    name: str
    data: bytes = field(repr=False)
    width: int
    height: int

    @property
    def stem(self) -> str:
        return Path(self.name).stem


def read_photo(name: str, data: bytes) -> Photo:
    """Look at a file's header.

    Raises:
        PhotoError: not a JPEG, PNG or WEBP, or too many pixels to preview.
    """
    with _open(name, data) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _ROTATED:
            width, height = height, width
    return Photo(hashlib.sha256(data).hexdigest(), name, data, width, height)


def display_size(width: int, height: int, side: int = DISPLAY_SIDE) -> tuple[int, int]:
    """The size shown: at most `side` pixels long, never enlarged."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def preview(photo: Photo, side: int = DISPLAY_SIDE) -> bytes:
    """A JPEG of the photo at `display_size`, upright."""
    size = display_size(photo.width, photo.height, side)
    try:
        with _DECODING, _open(photo.name, photo.data) as image:
            turned = image.getexif().get(_ORIENTATION) in _ROTATED
            # The size as the file stores it: asked for a square, the decoder takes the smallest scale that fills it.
            image.draft("RGB", size[::-1] if turned else size)
            # Turned when it is small: until then there is one copy of all pixels, four bytes each.
            pixels = image if image.mode == "RGB" else _rgb(image)
            small = pixels.resize(size[::-1] if turned else size, Image.Resampling.LANCZOS, reducing_gap=2.0)
            small.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
            small = ImageOps.exif_transpose(small)
    except (OSError, ValueError, SyntaxError) as error:
        reason = f"{photo.name} is damaged and cannot be shown. Save it again or take another copy."
        raise PhotoError(reason) from error
    out = io.BytesIO()
    small.save(out, "JPEG", quality=88)
    return out.getvalue()


def shrink_map(png: bytes, size: tuple[int, int]) -> bytes:
    """A grey class-id PNG at display size; ids stay ids (nearest pixel)."""
    with Image.open(io.BytesIO(png)) as image:
        if image.mode != "L":
            raise PhotoError("the API sent a class map that is not 8-bit grey; update the API")
        small = image if image.size == size else image.resize(size, Image.Resampling.NEAREST)
        out = io.BytesIO()
        small.save(out, "PNG", compress_level=3)
    return out.getvalue()


@dataclass
class Album:
    """The photos of one session, in the order they came, which one is looked at, and the labels given for them."""

    photos: dict[str, Photo] = field(default_factory=dict)
    labels: dict[str, LabelFile] = field(default_factory=dict)
    selected: str | None = None

    def add(self, name: str, data: bytes) -> Photo:
        """Keep a photo and look at it when it is the first.

        Raises:
            PhotoError: see `read_photo`; or the session is full.
        """
        photo = read_photo(name, data)
        if photo.sha not in self.photos:
            self._make_sure_it_fits(name, len(data))
        self.photos.setdefault(photo.sha, photo)
        self.selected = self.selected or photo.sha
        return photo

    def add_label(self, sha: str, name: str, data: bytes) -> None:
        """Keep the label of a photo in place of one given before.

        Raises:
            PhotoError: the session is full.
        """
        before = self.labels.get(sha)
        self._make_sure_it_fits(name, len(data) - (len(before.data) if before else 0))
        self.labels[sha] = LabelFile.of(name, data)

    def remove_label(self, sha: str) -> None:
        self.labels.pop(sha, None)

    def _make_sure_it_fits(self, name: str, size: int) -> None:
        photos, labels = self.photos.values(), self.labels.values()
        used = sum(len(photo.data) for photo in photos) + sum(len(label.data) for label in labels)
        if used + size > SESSION_BYTES:
            raise PhotoError(
                f"{name} does not fit: a session holds {SESSION_BYTES >> 20} MB. Remove other photos first."
            )

    def remove(self, sha: str) -> None:
        self.photos.pop(sha, None)
        self.labels.pop(sha, None)
        if self.selected == sha:
            self.selected = next(iter(self.photos), None)

    def clear(self) -> None:
        self.photos.clear()
        self.labels.clear()
        self.selected = None

    @property
    def current(self) -> Photo | None:
        return self.photos.get(self.selected) if self.selected else None


def album_of(session: MutableMapping[Any, Any]) -> Album:
    """The session's album, which outlives reruns, page changes and an API that is down."""
    if "album" not in session:
        session["album"] = Album()
    album: Album = session["album"]
    return album


def _open(name: str, data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS decides
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise PhotoError(f"{name} has far too many pixels. Scale it down and try again.") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PhotoError(f"{name} is not an image that can be read. Use a JPEG, PNG or WEBP file.") from error
    if image.width * image.height > MAX_PIXELS:
        raise PhotoError(
            f"{name} has {image.width * image.height / 1e6:.0f} megapixels; the dashboard shows at most "
            f"{MAX_PIXELS / 1e6:.0f}. Scale it down and try again."
        )
    return image


def _rgb(image: Image.Image) -> Image.Image:
    """RGB, with 16-bit grey brought to 8 bit and transparency laid on white."""
    if image.mode.startswith("I"):
        return image.point(lambda v: v / 256).convert("L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
