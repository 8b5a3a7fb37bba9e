"""uint8 picture to the float32 tensor that a bundle's ONNX file takes, for engines that cannot fold it in."""

import numpy as np
import numpy.typing as npt


class Normaliser:
    """uint8 [1, height, width, 3] -> float32 [1, 3, height, width]: (value / 255 - mean) / std of each channel."""

    def __init__(self, mean: tuple[float, float, float], std: tuple[float, float, float]) -> None:
        values = np.arange(256) / 255
        table = (values[None] - np.array(mean)[:, None]) / np.array(std)[:, None]
        self._table = table.astype(np.float32)  # a byte has 256 values: look up instead of computing

    def __call__(self, image_NHWC: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        _, height, width, channels = image_NHWC.shape
        tensor_NCHW = np.empty((1, channels, height, width), np.float32)
        for channel, values in enumerate(self._table):
            # A byte is always within the table, so "clip" only spares the check.
            np.take(values, image_NHWC[0, :, :, channel], out=tensor_NCHW[0, channel], mode="clip")
        return tensor_NCHW
