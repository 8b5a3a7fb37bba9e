"""What every file format gives: size, orientation, and the bytes that its pixels depend on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from back.runtime.errors import UserError

Format = Literal["JPEG", "PNG", "WEBP", "HEIF", "AVIF"]

FORMATS_SENTENCE = "JPEG, PNG, WEBP, HEIC or AVIF"

# Segments or chunks beside the picture: a photo has tens of them. Looking at so many takes less than 0.1 s.
MAX_PARTS = 1 << 13


class ImageError(UserError):
    """A photo that cannot be used; `status` is the HTTP status that fits (400 damaged, 413 too large, 415 type)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Header:
    """A photo's file before decoding.

    Attributes:
        width, height: pixels as they are stored, before the orientation turns them.
        orientation: 1 to 8, as EXIF numbers them; 1 is upright.
        decodable: makes the file without what its pixels do not depend on (text, profiles, previews). Only this is
            given to the decoder: what is not there cannot make it fail or cost it time. Raises ImageError.
    """

    format: Format
    width: int
    height: int
    orientation: int
    decodable: Callable[[], bytes]


def damaged(reason: str) -> ImageError:
    """The error for a file that is of a format that we read, but broken; `reason` is half a sentence."""
    return ImageError(f"The image file is damaged or cut off ({reason}); save or upload it again.", 400)


def too_many_parts(number: int, what: str) -> ImageError:
    """The error for a file that is written to cost time."""
    return ImageError(
        f"The image file has more than {number} {what}, far more than a photo needs; save it again with an image "
        "editor.",
        400,
    )
