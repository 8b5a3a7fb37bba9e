"""Are the fast labels the right ones? Against PyTorch in fp32, and against people's labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.card import Card
from back.runtime.colour import palette_of
from back.runtime.imaging import open_photo, plan_resize, to_input
from back.runtime.upsample import upsample_argmax_dense
from modelisation.metrics import confusion_matrix, scores_of
from tests.benchmarks.photos import Case
from tests.benchmarks.usual import labels_of

UInt8Array = npt.NDArray[np.uint8]


class Reference:
    """PyTorch in fp32 on the very tensor that is served, upsampled densely in float64."""

    def __init__(self, model: Any, card: Card) -> None:
        self._model, self._card = model, card

    def scores(self, case: Case) -> npt.NDArray[np.float32]:
        """float32 [classes, h, w] at the network's stride."""
        import torch

        from modelisation.validate import normalise

        contract = self._card.input
        plan = plan_resize(case.height, case.width, contract, case.pixel_budget)
        image_HWC = np.array(to_input(open_photo(case.data, case.height * case.width).image, plan, contract))
        with torch.inference_mode():
            scores: npt.NDArray[np.float32] = self._model(normalise(torch.from_numpy(image_HWC[None]), contract))[
                0
            ].numpy()
        return scores

    def labels(self, case: Case) -> UInt8Array:
        """uint8 [height, width] of the photo."""
        plan = plan_resize(case.height, case.width, self._card.input, case.pixel_budget)
        stride = self._card.input.score_stride
        valid = plan.height / stride, plan.width / stride
        return upsample_argmax_dense(self.scores(case), case.height, case.width, *valid).argmax(0).astype(np.uint8)


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
