"""What an evaluation may take, and the names of the files that it leaves. Imports little: the API knows it, too."""

import re
from dataclasses import dataclass
from typing import Literal

Layer = Literal["thumb", "photo", "truth", "a", "b"]
LAYERS: tuple[Layer, ...] = ("thumb", "photo", "truth", "a", "b")
_ENDINGS: dict[Layer, str] = {"thumb": "jpg", "photo": "jpg", "truth": "png", "a": "png", "b": "png"}
RESULT_FILE, TABLE_FILE = "result.json", "pictures.csv"
SHOWN_SIDE, THUMB_SIDE = 1600, 360  # of a picture's longer side, pixels
MAX_ENTRIES = 20_000  # of an archive, whatever they are


@dataclass(frozen=True)
class EvaluationLimits:
    """The most that is taken in.

    Attributes:
        bytes: of the files as they are sent; what an archive unpacks to may be twice as much.
        photos: pairs of photo and label.
        pixels: of one photo.
    """

    bytes: int
    photos: int
    pixels: int

    @property
    def unpacked_bytes(self) -> int:
        return 2 * self.bytes


def file_of(number: int, layer: Layer) -> str:
    """The file of one picture's layer.

    Example:
        >>> file_of(7, "truth")
        '000007-truth.png'
    """
    return f"{number:06d}-{layer}.{_ENDINGS[layer]}"


def is_picture_file(name: str) -> bool:
    """Whether a name is one that `file_of` gives."""
    found = re.fullmatch(r"(\d{6})-([a-z]+)\.(?:jpg|png)", name, re.ASCII)
    return found is not None and found[2] in LAYERS and name == file_of(int(found[1]), found[2])  # type: ignore[arg-type]
