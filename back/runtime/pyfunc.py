"""What `mlflow.pyfunc.load_model` loads of a registered bundle: photo in, label map out, as the API answers.

Only this module's name stands in a bundle's MLmodel: where the project is not importable, MLflow says that `back` is
missing, and `mlflow.onnx.load_model` gives the network alone. Our own server does not come here.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from back.runtime.card import ONNX_FILE
from back.runtime.imaging import MAX_FILE_PIXELS, UInt8Array
from back.runtime.predictor import Predictor


class PhotoModel:
    """A bundle behind MLflow's interface; make one with `mlflow.pyfunc.load_model`."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = bundle
        self._predictor = Predictor.load(bundle)

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Label a photo.

        Args:
            model_input: path or bytes of a photo (see `open_photo`), or RGB as uint8 [height, width, 3]. A normalised
                float32 batch [N, 3, H, W], as the signature says, goes to the bare network.
            params: none are known; MLflow's interface has them.

        Returns:
            Class ids, uint8 [height, width] of the photo's own size, turned upright; the names and colours of the ids
            are in the bundle's model.json. For a batch `{"scores": float32 [N, classes, h, w]}`.

        Raises:
            ImageError: no usable photo.
            OSError: the path cannot be read.
            TypeError: it is none of these.
            ValueError: the network takes no batch of this shape.
        """
        if isinstance(model_input, str | Path):
            model_input = Path(model_input).read_bytes()
        if isinstance(model_input, bytes | bytearray | memoryview):
            return self._predictor.predict(bytes(model_input), MAX_FILE_PIXELS).labels_HW
        if isinstance(model_input, np.ndarray) and model_input.dtype == np.float32 and model_input.ndim == 4:
            return {"scores": self._scores(model_input)}
        return self._predictor.predict_array(_checked(model_input)).labels_HW

    def _scores(self, image_NCHW: np.ndarray) -> np.ndarray:
        network = self._network
        try:
            (scores_NCHW,) = network.run(None, {network.get_inputs()[0].name: image_NCHW})
        except Exception as error:  # ONNX Runtime's own have no class in common
            stride = self._predictor.card.input.stride
            raise ValueError(
                "the network takes a normalised batch as float32 [N, 3, H, W], H and W multiples of "
                f"{stride}; this is {list(image_NCHW.shape)}"
            ) from error
        return np.asarray(scores_NCHW)

    @cached_property
    def _network(self) -> Any:
        from onnxruntime import InferenceSession  # photos do without it

        return InferenceSession(str(self._bundle / ONNX_FILE), providers=["CPUExecutionProvider"])


def _load_pyfunc(path: str) -> PhotoModel:
    """MLflow's entry point; `path` is the folder of the bundle.

    Raises:
        BundleError: a file does not match the card, or the self-test fails.
    """
    return PhotoModel(Path(path))


def _checked(image: Any) -> UInt8Array:
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return image
    what = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
    raise TypeError(f"a photo is a path, the bytes of its file, or RGB as uint8 [height, width, 3]; this is {what}")
