"""A split of pictures that come without one: by clips, so that no frame of a clip is trained on and judged by.

The choice depends on the names and the seed alone, so that every command, and the API, makes the same split and
nothing has to be written into the data folder.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

TRAIN, VAL = "train", "val"
SEED = 0
VAL_SHARE = 0.2  # of the pictures, about
_MOST = 1 / 3  # no clip that would make val larger is put there


@dataclass(frozen=True)
class MadeSplit:
    """The names of the pictures held out, and the sentence that says how they were chosen."""

    val: frozenset[str]
    rule: str

    def split_of(self, name: str) -> str:
        """`train` or `val`."""
        return VAL if name in self.val else TRAIN


def make_split(names: Iterable[str], clip_of: Callable[[str], str], seed: int = SEED) -> MadeSplit | None:
    """Hold out whole clips, about a fifth of the pictures; of a single clip its last frames. None of one picture."""
    names = sorted(set(names))
    if len(names) < 2:
        return None
    clips: dict[str, list[str]] = {}
    for name in names:
        clips.setdefault(clip_of(name), []).append(name)
    if len(clips) == 1:
        frames = sorted(names, key=_frame)
        held = frames[-max(1, round(VAL_SHARE * len(frames))) :]
        return MadeSplit(
            frozenset(held),
            f"all names are of one clip, so its last {_count(len(held), 'picture')}, from {held[0]} on, are {VAL}, "
            f"and the {len(frames) - len(held)} before are {TRAIN}; neighbouring frames look alike, which flatters "
            "scores",
        )
    chosen = _choose({clip: len(frames) for clip, frames in clips.items()}, seed)
    val = frozenset(name for clip in chosen for name in clips[clip])
    return MadeSplit(
        val,
        f"whole clips, drawn with seed {seed}: {TRAIN} {_count(len(names) - len(val), 'picture')} of "
        f"{_count(len(clips) - len(chosen), 'clip')}, {VAL} {_count(len(val), 'picture')} of "
        f"{_count(len(chosen), 'clip')}",
    )


def _choose(sizes: dict[str, int], seed: int) -> list[str]:
    """The clips of val: in the order of their hash, which a clip more or less does not change."""
    total = sum(sizes.values())
    drawn = sorted(sizes, key=lambda clip: hashlib.sha256(f"{seed}:{clip}".encode()).digest())
    chosen: list[str] = []
    pictures = 0
    for clip in drawn:
        if pictures < VAL_SHARE * total and pictures + sizes[clip] <= _MOST * total:
            chosen.append(clip)
            pictures += sizes[clip]
    return chosen or [min(drawn, key=lambda clip: sizes[clip])]


def _frame(name: str) -> tuple[int, str]:
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) if numbers else 0, name


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
