"""Are the fast labels the right ones? Against PyTorch in fp32, and against people's labels."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.card import Card
from back.runtime.imaging import open_photo, plan_resize, to_input
from back.runtime.masks.colour import palette_of
from back.runtime.scores.confusion import confusion_matrix
from modelisation.evaluation.metrics import scores_of
from tests.benchmarks.photos import Case
from tests.benchmarks.usual import labels_of
from tests.dense import upsample_dense

UInt8Array = npt.NDArray[np.uint8]


class Reference:
    """PyTorch in fp32, its scores upsampled densely in float64.

    `full_decode`: see the pixels of the whole photo, resized once with the card's filter; else the very tensor that
    is served, whose JPEG may have been decoded at a fraction of its size.
    """

    def __init__(self, model: Any, card: Card) -> None:
        self._model, self._card = model, card

    def scores(self, case: Case, *, full_decode: bool = False) -> npt.NDArray[np.float32]:
        """float32 [classes, h, w] at the network's stride."""
        import torch

        from modelisation.models.predict import normalise

        contract = self._card.input
        plan = plan_resize(case.height, case.width, contract, case.pixel_budget)
        if full_decode:
            picture = Image.open(io.BytesIO(case.data)).convert("RGB")
        else:
            picture = open_photo(case.data, case.height * case.width, lambda *_: (plan.height, plan.width)).image
        image_HWC = np.array(to_input(picture, plan, contract))
        with torch.inference_mode():
            scores_NCHW = self._model(normalise(torch.from_numpy(image_HWC[None]), contract))
        scores_CHW: npt.NDArray[np.float32] = scores_NCHW[0].numpy()
        return scores_CHW

    def labels(self, case: Case, *, full_decode: bool = False) -> UInt8Array:
        """uint8 [height, width] of the photo."""
        plan = plan_resize(case.height, case.width, self._card.input, case.pixel_budget)
        stride = self._card.input.score_stride
        valid = plan.height / stride, plan.width / stride
        scores_CHW = self.scores(case, full_decode=full_decode)
        return upsample_dense(scores_CHW, case.height, case.width, *valid).argmax(0).astype(np.uint8)


def agreement(mask: bytes, labels_HW: UInt8Array, card: Card) -> float:
    """Share of the pixels whose label in the mask is the given one."""
    return float((labels_of(mask, palette_of(card.taxonomy)) == labels_HW).mean())


def miou(labels: Sequence[UInt8Array], truth: Sequence[UInt8Array], card: Card) -> float:
    """Mean IoU over all the photos, 0..1."""
    classes = len(card.taxonomy.classes)
    matrix = sum(
        (confusion_matrix(t, p, classes) for t, p in zip(truth, labels, strict=True)),
        np.zeros((classes, classes), np.int64),
    )
    return float(scores_of(matrix, card.taxonomy)["miou"])
