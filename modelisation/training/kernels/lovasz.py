"""The Lovász-softmax loss (Berman et al., CVPR 2018) without its sorting of floats, on CPUs.

Every pixel is sorted by its error, once a class, and that takes most of the time. Errors of one class lie in 0..1,
where the bits of a float32 have the order of the floats in 30 bits, so three passes of a radix sort are enough. Each
pixel gets its weight at its own place, so that the gradient is a product in place of a scatter.

Worth (batch 8, crop 256x320, eight classes, every second pixel in both directions; one thread of an AMD EPYC):
forward and backward take 26 ms of processor time in place of 115 with segmentation-models-pytorch's, of a training
step of DeepLabV3+ that took 1,280.
"""

import numpy as np
import numpy.typing as npt
import segmentation_models_pytorch as smp
import torch
from numba import njit
from torch import Tensor

_ONE = 0x3F800000  # the bits of 1.0
_DIGIT = 10  # bits a pass


def lovasz_softmax(scores_NCHW: Tensor, label_NHW: Tensor, ignore_index: int) -> Tensor:
    """Mean over the classes in the labels of the Lovász extension of 1 - IoU, over all pixels of the batch.

    Value and gradient are those of segmentation-models-pytorch's `LovaszLoss` but for rounding; on other devices than
    CPUs it is that one.

    Args:
        scores_NCHW: of any floating dtype.
        label_NHW: int64; at least one pixel is not `ignore_index`.
        ignore_index: the label of pixels that do not count, 0 or more.

    Returns:
        A scalar.
    """
    if scores_NCHW.device.type != "cpu":
        loss: Tensor = smp.losses.LovaszLoss("multiclass", ignore_index=ignore_index)(scores_NCHW, label_NHW)
        return loss
    classes = scores_NCHW.shape[1]
    label_P = label_NHW.reshape(-1)
    counts = torch.bincount(label_P, minlength=max(classes, ignore_index + 1))
    counts[ignore_index] = 0
    present = counts[:classes].nonzero()[:, 0].tolist()
    probability_CP = scores_NCHW.float().softmax(1).movedim(1, 0).reshape(classes, -1)
    slope_CP = torch.zeros_like(probability_CP)
    at_zero = 0.0
    for chosen in present:
        at_zero += _slopes(
            probability_CP[chosen].detach().numpy(), label_P.numpy(), chosen, ignore_index, slope_CP[chosen].numpy()
        )
    return ((probability_CP * slope_CP).sum() + at_zero) / len(present)


@njit(nogil=True, cache=True)
def _slopes(
    probability_P: npt.NDArray[np.float32],
    label_P: npt.NDArray[np.int64],
    chosen: int,
    ignore_index: int,
    slope_P: npt.NDArray[np.float32],
) -> float:
    """Write by how much a class' loss grows with each pixel's probability; give its loss were all of those 0.

    The loss is linear as long as the order of the errors stays. An error is the probability, or where the class is
    right what it lacks to 1; its weight is by how much 1 - IoU grows when its pixel joins those with larger errors.
    """
    pixels = len(label_P)
    keys, other_keys = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    places, other_places = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    errors = np.empty(pixels, np.float32)
    kept, total = 0, 0
    for pixel in range(pixels):
        if label_P[pixel] != ignore_index:
            right = label_P[pixel] == chosen
            errors[kept] = abs(probability_P[pixel] - np.float32(right))
            places[kept] = pixel
            total += right
            kept += 1

    # From the largest on, of equal ones the first.
    starts = np.zeros((3, 1 << _DIGIT), np.int64)
    bits, mask = errors.view(np.int32), (1 << _DIGIT) - 1
    for i in range(kept):
        key = _ONE - bits[i]
        keys[i] = key
        for digit in range(3):
            starts[digit, (key >> (_DIGIT * digit)) & mask] += 1
    for digit in range(3):
        start = 0
        for value in range(1 << _DIGIT):
            count = starts[digit, value]
            starts[digit, value] = start
            start += count
        for i in range(kept):
            key = keys[i]
            value = (key >> (_DIGIT * digit)) & mask
            to = starts[digit, value]
            starts[digit, value] = to + 1
            other_keys[to], other_places[to] = key, places[i]
        keys, other_keys, places, other_places = other_keys, keys, other_places, places

    found, before, at_zero = 0, 0.0, 0.0
    for i in range(kept):
        pixel = places[i]
        right = label_P[pixel] == chosen
        found += right
        loss = 1 - (total - found) / (total + i + 1 - found)
        if right:
            slope_P[pixel] = before - loss
            at_zero += loss - before
        else:
            slope_P[pixel] = loss - before
        before = loss
    return at_zero
