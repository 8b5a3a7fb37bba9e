"""Is model A better than model B? Paired block bootstrap of IoU that respects video.

Neighbouring frames of a clip show the same street, so they are not independent: whole blocks of contiguous frames are
resampled, never single frames (Künsch, "The jackknife and the bootstrap for general stationary observations", Annals
of Statistics 1989). Both models are scored on the same resampled blocks, and the interval is of their difference.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.scores.confusion import Counts, ious_of

# Ten seconds of video at 30 frames a second: after that a car has passed a block of houses.
BLOCK_FRAMES = 300
MIN_BLOCKS = 5
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A score with its interval, as fractions; `low` and `high` are None where there are too few blocks."""

    estimate: float
    low: float | None
    high: float | None
    blocks: int


@dataclass(frozen=True)
class Difference(Interval):
    """A score of A less that of B."""

    @property
    def significant(self) -> bool | None:
        """Whether the interval leaves out zero; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0

    def sentence(self, a: str, b: str) -> str:
        """`A is better than B by 1.3 ± 0.6 points (95 %)`, or that the data cannot tell."""
        shown = f"{100 * abs(self.estimate):.1f}"
        better, worse = (a, b) if self.estimate >= 0 else (b, a)
        if self.low is None or self.high is None:
            return f"{better} scores {shown} points more than {worse}; no interval: one scene{_too_few(self.blocks)}"
        margin = f"{50 * (self.high - self.low):.1f}"
        if self.significant:
            return f"{better} is better than {worse} by {shown} ± {margin} points (95 %)"
        return (
            f"the data cannot tell {a} from {b}: they differ by {100 * self.estimate:+.1f} ± {margin} points (95 %)"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "level": LEVEL,
            "blocks": self.blocks,
            "significant": self.significant,
        }


@dataclass(frozen=True)
class Differences:
    """Of mIoU, and of the IoU of each class; None for a class that has no pixel in the records of A or of B."""

    mean: Difference
    classes: tuple[Difference | None, ...]


def _too_few(blocks: int) -> str:
    return "" if blocks == 1 else f" ({blocks} independent blocks, {MIN_BLOCKS} are needed)"


def block_of(images: Sequence[Mapping[str, Any]], block_frames: int = BLOCK_FRAMES) -> list[int]:
    """Number of the block that each image belongs to.

    Within a sequence, frames stay in one block until the frame number has moved `block_frames` on from the block's
    first frame. A frame number is the last number in the name; images without one count up by one.

    Args:
        images: records with `name` and `sequence`, as `evaluate` writes them, in any order.
        block_frames: frames of the video (not images) in a block.
    """
    order = sorted(range(len(images)), key=lambda i: (images[i]["sequence"], _frame(images[i]["name"], i)))
    blocks = [0] * len(images)
    block, sequence, first = -1, None, 0
    for i in order:
        frame = _frame(images[i]["name"], i)
        if images[i]["sequence"] != sequence or frame - first >= block_frames:
            block, sequence, first = block + 1, images[i]["sequence"], frame
        blocks[i] = block
    return blocks


def _frame(name: str, fallback: int) -> int:
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) if numbers else fallback


def paired_differences(
    a_NCC: Counts, b_NCC: Counts, blocks: Sequence[int], *, resamples: int = RESAMPLES, seed: int = 0
) -> Differences:
    """Bootstrap intervals of A less B: for mIoU and for the IoU of each class, from the same draws.

    Args:
        a_NCC: confusion matrix of each image for model A, int64 [N, C, C].
        b_NCC: the same images for model B.
        blocks: block of each image, as `block_of` gives.
        resamples: bootstrap samples; each draws as many blocks as there are, with replacement.
        seed: of the random draws, so that a report can be made again.

    Returns:
        The differences on all images with 95 % percentile intervals; none with fewer than five blocks.
    """
    sums = _block_sums((a_NCC, b_NCC), blocks)
    estimates = _mean_and_classes(sums[0].sum(0)) - _mean_and_classes(sums[1].sum(0))
    low, high = _bounds(sums, lambda a, b: a - b, resamples, seed)
    count = sums.shape[1]
    mean, *classes = (
        Difference(estimate, below, above, count)
        for estimate, below, above in zip(estimates.tolist(), low, high, strict=True)
    )
    return Differences(mean, tuple(None if c.estimate != c.estimate else c for c in classes))


def pooled_miou(
    matrices_NCC: Counts, blocks: Sequence[int], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """mIoU of all images together with its bootstrap interval, from the same draws as `paired_differences`.

    Returns:
        None where no pixel is counted.
    """
    sums = _block_sums((matrices_NCC,), blocks)
    estimate = float(_mean_and_classes(sums[0].sum(0))[0])
    if estimate != estimate:
        return None
    low, high = _bounds(sums, lambda scores: scores[:, :1], resamples, seed)
    return Interval(estimate, low[0], high[0], sums.shape[1])


def _block_sums(models: Sequence[Counts], blocks: Sequence[int]) -> npt.NDArray[np.float64]:
    """Confusion matrices of each model's blocks, [models, blocks, C, C]."""
    _, which = np.unique(np.asarray(blocks), return_inverse=True)
    # Counts of pixels are exact in float64, and a product of floats is many times faster than one of integers.
    sums = np.zeros((len(models), int(which.max()) + 1, *models[0].shape[1:]))
    for side, matrices in enumerate(models):
        np.add.at(sums[side], which, matrices)
    return sums


def _bounds(
    sums: npt.NDArray[np.float64],
    statistic: Callable[..., npt.NDArray[np.float64]],
    resamples: int,
    seed: int,
) -> tuple[list[float | None], list[float | None]]:
    """Ends of the percentile interval of what `statistic` makes of the models' mIoU and IoU, [resamples, 1 + C] each.

    None where there are too few blocks, or where no sample has the class.
    """
    count = sums.shape[1]
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples).astype(float)
    values = statistic(*(_mean_and_classes(np.tensordot(draws, side, axes=1)) for side in sums))
    bounds = np.full((2, values.shape[1]), np.nan)
    if count >= MIN_BLOCKS:
        there = ~np.isnan(values).all(axis=0)
        tail = 50 * (1 - LEVEL)
        bounds[:, there] = np.nanpercentile(values[:, there], (tail, 100 - tail), axis=0)
    low, high = ([None if v != v else v for v in side] for side in bounds.tolist())
    return low, high


def _mean_and_classes(matrices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """mIoU and the IoU of each class of [..., C, C] confusion matrices: [..., 1 + C], NaN for what has no pixel."""
    iou = ious_of(matrices)
    present = ~np.isnan(iou)
    with np.errstate(invalid="ignore"):  # no class has a pixel: the mean is NaN
        mean = np.where(present, iou, 0).sum(-1) / present.sum(-1)
    return np.concatenate([mean[..., None], iou], axis=-1)
