"""Batches of augmented samples for training. What a batch holds depends on the seed and the epoch alone."""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from back.runtime.errors import UserError
from back.runtime.taxonomy import apply_remap
from modelisation.data.base import Sample
from modelisation.data.class_sets import Classes, class_set, remap
from modelisation.scenes.render import render_scene
from modelisation.training.samples.augment import TrainingTransform, Views

Key = tuple[int, int, int]


def render_all(
    count: int, height: int, width: int, taxonomy: Classes, seed: int, building_sites: float = 0.0
) -> list[Sample]:
    """Render `count` scenes in a taxonomy, with a progress bar; `building_sites` as `render_scene` takes it."""
    table = remap("cityscapes_label_ids", class_set(taxonomy)) if count else {}
    samples = []
    for i in tqdm(range(count), desc="rendering scenes", unit="img", disable=not count):
        scene = render_scene(seed * 100_003 + i, height, width, building_sites)
        samples.append(Sample(scene.image, apply_remap(scene.label_ids, table), f"scene_{i:05d}"))
    return samples


class AugmentedSamples(Dataset[Views]):
    """Augmented samples by key (index, seed, epoch).

    The seed alone decides how a picture is cropped and changed. A resumed run therefore sees the same crops as one
    that was never interrupted.

    Args:
        samples: pictures and labels.
        transforms: (end, transform) pairs in ascending order of `end`; epoch e uses the first pair with e < end.
    """

    def __init__(self, samples: Sequence[Sample], transforms: Sequence[tuple[int, TrainingTransform]]) -> None:
        self.samples = samples
        self.transforms = transforms

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key) -> Views:
        index, seed, epoch = key
        transform = next(transform for end, transform in self.transforms if epoch < end)
        return transform(self.samples[index], seed)


class EpochBatches:
    """The keys (index, seed, epoch) of one epoch's samples, in batches; `AugmentedSamples` takes these keys.

    Set `epoch` before iterating, and `first_batch` to skip batches that were trained before an interruption.

    Args:
        main: number of real pictures, indices 0..main-1.
        extra: number of rendered scenes, indices main..main+extra-1.
        extra_share: share of scenes in an epoch, 0..1.
        epoch_samples: pictures an epoch.
        batch_size: pictures a batch; the last, incomplete batch is left out.
        seed: decides the order and every crop, together with the epoch.
        photos: number of unlabelled photos, indices from main+extra on.
        photos_share: share of them in every batch, 0..1, rounded to whole photos; `extra_share` is of the others.
    """

    def __init__(
        self,
        main: int,
        extra: int,
        extra_share: float,
        epoch_samples: int,
        batch_size: int,
        seed: int,
        photos: int = 0,
        photos_share: float = 0.0,
    ) -> None:
        self.main, self.extra, self.photos, self.batch_size, self.seed = main, extra, photos, batch_size, seed
        self.photos_a_batch = min(round(batch_size * photos_share), batch_size - 1) if photos else 0
        self.batches = epoch_samples // batch_size
        if not self.batches:
            raise UserError(f"an epoch of {epoch_samples} pictures holds no batch of {batch_size}")
        labelled = epoch_samples - self.batches * self.photos_a_batch
        self.from_extra = round(labelled * extra_share) if extra else 0
        self.from_main = labelled - self.from_extra
        self.epoch = 0
        self.first_batch = 0

    def __len__(self) -> int:
        return self.batches - self.first_batch

    def __iter__(self) -> Iterator[list[Key]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        indices = np.concatenate(
            [_passes(self.from_main, self.main, rng), self.main + _passes(self.from_extra, self.extra, rng)]
        )
        rng.shuffle(indices)
        seeds = rng.integers(0, 2**62, self.batches * self.batch_size)
        taken = self.batch_size - self.photos_a_batch
        photos = self.main + self.extra + _passes(self.batches * self.photos_a_batch, self.photos, rng)
        for b in range(self.first_batch, self.batches):
            chosen = np.concatenate(
                [
                    indices[b * taken : (b + 1) * taken],
                    photos[b * self.photos_a_batch : (b + 1) * self.photos_a_batch],
                ]
            )
            part = seeds[b * self.batch_size : (b + 1) * self.batch_size]
            yield [(int(i), int(s), self.epoch) for i, s in zip(chosen, part, strict=True)]


def _passes(count: int, pool: int, rng: np.random.Generator) -> np.ndarray:
    """`count` random indices below `pool`, int64. Every index comes once before any comes twice."""
    if not count:
        return np.empty(0, np.int64)
    passes = [rng.permutation(pool) for _ in range(-(-count // pool))]
    return np.concatenate(passes)[:count]


def make_loader(dataset: AugmentedSamples, batches: EpochBatches, workers: int) -> DataLoader[Views]:
    """A loader over `batches`.

    It has a random generator of its own. Without one it would draw from PyTorch's global generator, which dropout
    uses too, and a resumed run would differ from an uninterrupted one.
    """
    return DataLoader(
        dataset,
        batch_sampler=batches,  # type: ignore[arg-type]
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        generator=torch.Generator(),
        worker_init_fn=_ignore_ctrl_c,
    )


def _ignore_ctrl_c(worker: int) -> None:
    """Put a worker into a process group of its own.

    Ctrl-C reaches every process of the terminal's group. A worker killed by it would break the training step that the
    parent still wants to finish. In its own group the worker never gets the signal; it ends when the parent says so.
    """
    os.setpgid(0, 0)
