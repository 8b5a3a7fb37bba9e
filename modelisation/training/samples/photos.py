"""Photos without labels as training samples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from back.runtime.card import InputContract
from back.runtime.errors import UserError
from back.runtime.headers.base import ImageError
from back.runtime.imaging import MAX_FILE_PIXELS, open_photo, plan_resize
from modelisation.training.samples.soft import SoftSample

MEMORY_LIMIT = 4 << 30  # bytes; photos above it are decoded anew each time


class UnlabelledPhotos(Sequence[SoftSample]):
    """Photos whose every pixel is ignored, with a teacher's scores or none.

    They are shrunk to the size that the largest crop factor needs, and stay in memory where all of them fit.

    Args:
        files: the photos.
        soft: uint8 [h, w, C] of each; None where there is no teacher.
        contract: how photos are served.
        largest_scale: the largest factor from the served size at which a crop is taken.
        ignore_index: the label of every pixel.

    Raises:
        UserError: a photo cannot be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        soft: Sequence[npt.NDArray[np.uint8]] | None,
        contract: InputContract,
        largest_scale: float,
        ignore_index: int,
    ) -> None:
        self._files, self._soft = files, soft
        self._contract, self._largest_scale, self._ignore_index = contract, largest_scale, ignore_index
        self._kept: list[npt.NDArray[np.uint8]] | None = None
        if files and self._decode(files[0]).nbytes * len(files) <= MEMORY_LIMIT:
            self._kept = [self._decode(file) for file in tqdm(files, "reading photos", unit="photo")]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        file = self._files[index]
        image = self._kept[index] if self._kept is not None else self._decode(file)
        label = np.full(image.shape[:2], self._ignore_index, np.uint8)
        soft = self._soft[index] if self._soft is not None else np.zeros((0, 0, 0), np.uint8)
        return SoftSample(image, label, file.name, soft)

    def _decode(self, file: Path) -> npt.NDArray[np.uint8]:
        try:
            photo = open_photo(file.read_bytes(), MAX_FILE_PIXELS, self._needed)
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({error.strerror}); replace it or take it out") from error
        except ImageError as error:
            raise UserError(f"{file}: not a readable photo. {error} Replace it or take it out") from error
        height, width = self._needed(photo.height, photo.width)
        image = photo.image
        if image.height > height and image.width > width:
            image = image.resize((width, height))
        return np.asarray(image)

    def _needed(self, height: int, width: int) -> tuple[int, int]:
        plan = plan_resize(height, width, self._contract, None)
        factor = self._largest_scale
        return min(height, round(plan.height * factor)), min(width, round(plan.width * factor))
