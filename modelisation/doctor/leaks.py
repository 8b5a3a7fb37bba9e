"""What crosses splits: near-duplicate images, and video clips whose frames lie in two splits."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from back.runtime.layouts.listing import Pair
from back.runtime.scores.bootstrap import BLOCK_FRAMES, block_of
from modelisation.doctor.examine import Examination
from modelisation.doctor.faults import Fault

# Of 256 bits. Copies that were scaled, recompressed or brightened differ in under 16; frames of a standing camera in
# under 30; the closest unrelated pictures of one city in more than 70.
NEAR_BITS = 32
_CHUNK = 512
_RATE = 30  # frames a second that spans are told for: CamVid's, and most cameras'


def near_duplicates(examinations: Sequence[Examination], near_bits: int = NEAR_BITS) -> list[Fault]:
    """Images of one split with an almost equal one in another; each is named once, in the smaller split."""
    splits: dict[str, list[Examination]] = defaultdict(list)
    for examination in examinations:
        if examination.hash is not None:
            splits[examination.pair.split].append(examination)
    faults: dict[str, Fault] = {}
    for a, b in combinations(sorted(splits, key=lambda s: (len(splits[s]), s)), 2):
        for i, j, bits in _nearest(_hashes(splits[a]), _hashes(splits[b])):
            if bits <= near_bits:
                path, other = str(splits[a][i].pair.image), splits[b][j].pair.image
                faults.setdefault(path, Fault("near_duplicate", path, f"{bits} of 256 bits from {other}"))
    return list(faults.values())


def _hashes(examinations: Sequence[Examination]) -> npt.NDArray[np.uint64]:
    return np.stack([e.hash for e in examinations if e.hash is not None])


def _nearest(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int, int]]:
    """For each hash of `a` its nearest in `b`: (index, index, differing bits); memory stays small."""
    for first in range(0, len(a), _CHUNK):
        part = a[first : first + _CHUNK]
        distance = np.zeros((len(part), len(b)), np.uint16)
        for word in range(a.shape[1]):
            distance += np.bitwise_count(part[:, word, None] ^ b[None, :, word])
        nearest = distance.argmin(1)
        for i, j in enumerate(nearest.tolist()):
            yield first + i, j, int(distance[i, j])


def clips_in_two_splits(pairs: Sequence[Pair]) -> list[Fault]:
    """Clips (by their names) whose frames lie in more than one split, with the frames' ranges."""
    frames: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        frame = _frame(pair.name)
        if pair.sequence and frame is not None:
            frames[pair.sequence][pair.split].append(frame)
    faults = []
    for clip, by_split in sorted(frames.items()):
        # The smaller split is named first: it is the one whose scores suffer.
        for a, b in combinations(sorted(by_split, key=lambda s: (len(by_split[s]), s)), 2):
            here, there = np.sort(by_split[a]), np.sort(by_split[b])
            detail = (
                f"{a}: {len(here)} images, frames {here[0]} to {here[-1]}; {b}: {len(there)} images, frames "
                f"{there[0]} to {there[-1]}; {_neighbours(here, b, there)}"
            )
            faults.append(Fault("clip_in_two_splits", f"clip {clip}", detail))
    return faults


def _neighbours(here: npt.NDArray[np.int64], other: str, there: npt.NDArray[np.int64]) -> str:
    """Where the frames of the other split are nearest; both arrays are sorted frame numbers."""
    before, after = there[there < here[0]], there[there > here[-1]]
    if len(before) + len(after) < len(there):
        gap = int(np.abs(here[:, None] - there[None]).min())
        return f"they are mixed, the closest two {gap} frames apart"
    sides = [f"frame {before[-1]} ({here[0] - before[-1]} before)"] if len(before) else []
    sides += [f"frame {after[0]} ({after[0] - here[-1]} after)"] if len(after) else []
    return f"nearest in {other}: {' and '.join(sides)}"


def single_scenes(pairs: Sequence[Pair]) -> list[Fault]:
    """Splits of several images that are one stretch of one clip, so that no two of them are independent."""
    faults = []
    for split in sorted({p.split for p in pairs}):
        images = [{"name": p.name, "sequence": p.sequence or p.name} for p in pairs if p.split == split]
        if len(images) > 1 and len(set(block_of(images))) == 1:
            clip = images[0]["sequence"]
            span = _span([image["name"] for image in images])
            detail = f"{len(images)} images of clip {clip} {span}"
            faults.append(Fault("one_scene", f"split {split}", detail))
    return faults


def _span(names: Sequence[str]) -> str:
    frames = [_frame(name) for name in names]
    known = [frame for frame in frames if frame is not None]
    if len(known) < len(frames):
        return f"within {BLOCK_FRAMES} images"
    first, last = min(known), max(known)
    return f"between frames {first} and {last} ({(last - first) / _RATE:.1f} s at {_RATE} frames a second)"


def _frame(name: str) -> int | None:
    """Number of a frame: the last number in its name."""
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) if numbers else None
