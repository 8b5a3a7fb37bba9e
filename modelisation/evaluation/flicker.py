"""How much a clip's labels flicker: pixels whose class changes though their picture hardly does."""

import numpy as np
import numpy.typing as npt
from PIL import Image

UInt8Array = npt.NDArray[np.uint8]
STILL = 4  # grey levels of 255 that a pixel may differ by and still count as unchanged
_BLOCK = 3  # pixels a side over which the picture is averaged first, so that noise counts less


def still_pixels(before_HW3: UInt8Array, after_HW3: UInt8Array) -> npt.NDArray[np.bool_]:
    """Where two frames, uint8 [height, width, 3], hardly differ: bool [height, width]."""
    blurred = [_blurred(frame) for frame in (before_HW3, after_HW3)]
    return np.abs(blurred[0] - blurred[1]).max(2) <= STILL


def count_flicker(before_HW: UInt8Array, after_HW: UInt8Array, still_HW: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Of two label maps, pixels that stand still and change their class, and all that stand still."""
    return int(((before_HW != after_HW) & still_HW).sum()), int(still_HW.sum())


def _blurred(frame_HW3: UInt8Array) -> npt.NDArray[np.int16]:
    height, width = frame_HW3.shape[:2]
    small = Image.fromarray(frame_HW3).resize((-(-width // _BLOCK), -(-height // _BLOCK)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST)).astype(np.int16)
