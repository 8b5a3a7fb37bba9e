"""uint8 picture to the float32 tensor that a bundle's ONNX file takes, for engines that cannot fold it in."""

import numpy as np
import numpy.typing as npt
from numba import float32, njit, uint8, void
from numba.core.types import Array


class Normaliser:
    """uint8 [1, height, width, 3] -> float32 [1, 3, height, width]: (value / 255 - mean) / std of each channel."""

    def __init__(self, mean: tuple[float, float, float], std: tuple[float, float, float]) -> None:
        values = np.arange(256) / 255
        table = (values[None] - np.array(mean)[:, None]) / np.array(std)[:, None]
        self._table = table.astype(np.float32)  # a byte has 256 values: look up instead of computing

    def __call__(self, image_NHWC: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        _, height, width, _ = image_NHWC.shape
        tensor_NCHW = np.empty((1, 3, height, width), np.float32)
        _look_up(np.ascontiguousarray(image_NHWC[0]), self._table, tensor_NCHW[0])
        return tensor_NCHW


@njit(
    void(Array(uint8, 3, "C", readonly=True), Array(float32, 2, "C", readonly=True), float32[:, :, ::1]),
    cache=True,
    nogil=True,
)
def _look_up(image, table, out):  # type: ignore[no-untyped-def]
    for y in range(image.shape[0]):
        for c in range(3):
            for x in range(image.shape[1]):
                out[c, y, x] = table[c, image[y, x, c]]
