"""A plain folder: `<split>/images` with `<split>/labels`, or `images` with `labels` where there are no splits.

A picture's clip is its name without the last number, which counts the frames: `street_0001` and `street_0002` are two
frames of `street`. So neighbouring frames stay together where independent blocks of video are wanted, at the price
that unrelated photos with running numbers count as one clip; give clips names of their own to tell them apart.
"""

import re
from pathlib import Path

from back.runtime.layouts.listing import IMAGE_SUFFIXES, LABEL_SUFFIXES, Found, child, scan, subfolders

KIND = "folder"
ALL = "all"  # the split of a folder without splits
_IMAGES, _LABELS = "images", "labels"


def recognises(root: Path) -> bool:
    return bool(splits(root))


def splits(root: Path) -> list[str]:
    """The splits on disk, with pictures or labels; `all` stands for `images` and `labels` without splits."""
    own = [path.name for path in subfolders(root) if _has_files(path)]
    return [ALL, *own] if _has_files(root) and ALL not in own else own


def images(root: Path, split: str) -> Found:
    """The pictures of a split."""
    return scan(_place(root, split) / _IMAGES, IMAGE_SUFFIXES)


def labels(root: Path, split: str) -> Found:
    """The labels of a split."""
    return scan(_place(root, split) / _LABELS, LABEL_SUFFIXES)


def clip_of(name: str) -> str:
    """The video clip that a picture belongs to, by its name.

    Example:
        >>> clip_of("street_0012"), clip_of("cam2_0012_left"), clip_of("0012"), clip_of("portrait")
        ('street', 'cam2_left', '', 'portrait')
    """
    return re.sub(r"[ _.-]*\d+(?=\D*$)", "", name).strip(" _.-")


def _place(root: Path, split: str) -> Path:
    own = child(root, split)
    return own if own and _has_files(own) else root


def _has_files(folder: Path) -> bool:
    return (folder / _IMAGES).is_dir() or (folder / _LABELS).is_dir()
