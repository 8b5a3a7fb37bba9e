"""Is model A better than model B? Paired block bootstrap of mIoU that respects video.

Neighbouring frames of a clip show the same street, so they are not independent: whole blocks of contiguous frames are
resampled, never single frames (Künsch, "The jackknife and the bootstrap for general stationary observations", Annals
of Statistics 1989). Both models are scored on the same resampled blocks, and the interval is of their difference.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Ten seconds of video at 30 frames a second: after that a car has passed a block of houses.
BLOCK_FRAMES = 300
MIN_BLOCKS = 5
RESAMPLES = 2000
LEVEL = 0.95

Matrices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Difference:
    """mIoU of A less mIoU of B, as fractions; `low` and `high` are None where there are too few blocks."""

    estimate: float
    low: float | None
    high: float | None
    blocks: int

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
            return f"{better} scores {shown} points more than {worse}; no interval: one scene{_counted(self.blocks)}"
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


def _counted(blocks: int) -> str:
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


def paired_difference(
    a_NCC: Matrices,
    b_NCC: Matrices,
    blocks: Sequence[int],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Bootstrap interval of mIoU(A) - mIoU(B).

    Args:
        a_NCC: confusion matrix of each image for model A, int64 [N, C, C].
        b_NCC: the same images for model B.
        blocks: block of each image, as `block_of` gives.
        resamples: bootstrap samples; each draws as many blocks as there are, with replacement.
        seed: of the random draws, so that a report can be made again.

    Returns:
        The difference on all images with a 95 % percentile interval; none with fewer than five blocks.
    """
    classes = a_NCC.shape[1]
    _, which = np.unique(np.asarray(blocks), return_inverse=True)
    count = int(which.max()) + 1
    sums = np.zeros((2, count, classes * classes), np.int64)
    for side, matrices in enumerate((a_NCC, b_NCC)):
        np.add.at(sums[side], which, matrices.reshape(len(matrices), -1))
    estimate = float(_miou(sums[0].sum(0), classes) - _miou(sums[1].sum(0), classes))
    if count < MIN_BLOCKS:
        return Difference(estimate, None, None, count)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    differences = _miou(draws @ sums[0], classes) - _miou(draws @ sums[1], classes)
    tail = 50 * (1 - LEVEL)
    low, high = np.nanpercentile(differences, (tail, 100 - tail)).tolist()
    return Difference(estimate, low, high, count)


def _miou(matrices: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float64]:
    """mIoU of [..., C * C] confusion matrices; classes without a pixel are left out."""
    square = matrices.reshape(*matrices.shape[:-1], classes, classes)
    hits = np.diagonal(square, axis1=-2, axis2=-1)
    union = square.sum(-1) + square.sum(-2) - hits
    ratio = np.divide(hits, union, out=np.full(hits.shape, np.nan), where=union > 0)
    result: npt.NDArray[np.float64] = np.nanmean(ratio, axis=-1)
    return result
