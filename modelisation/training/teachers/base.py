"""What every teacher of photos gives: probabilities over the classes of its student, and what it is."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from back.runtime.card import TeacherRecord

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class PhotoTeacher(Protocol):
    """A network that labels whole photos.

    Attributes:
        record: which network it is and on what terms, for the card of its student.
        key: tells its probabilities from another teacher's, or from its own in another taxonomy; fit for a file name.
    """

    record: TeacherRecord
    key: str

    def probabilities(self, photo: bytes) -> Pixels:
        """Class probabilities uint8 [h, w, C] over the whole of a photo, 255 for certainty; h and w are the
        teacher's.

        Args:
            photo: the bytes of a JPEG, PNG, WEBP, HEIC or AVIF file.

        Raises:
            ImageError: the bytes are no usable photo.
        """
        ...


def quantise(probabilities_hwC: Floats) -> Pixels:
    """Probabilities 0..1 as uint8, in a quarter of the memory; 1/255 is far below what a teacher knows."""
    return np.rint(probabilities_hwC * 255).clip(0, 255).astype(np.uint8)


def softmax(scores: Floats, axis: int) -> Floats:
    """exp(scores), summing to 1 along an axis."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True), np.float32)
