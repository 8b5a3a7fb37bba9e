"""Random numbers of the augmentations, from torch's global generator, which is seeded for each picture."""

import torch


def uniform(low: float, high: float) -> float:
    """A float between `low` and `high`."""
    return low + (high - low) * torch.rand(()).item()


def integer(end: int) -> int:
    """An integer in 0..end-1."""
    return int(torch.randint(end, ()).item())
