"""A plain folder: `<split>/images` with `<split>/labels`, or `images` with `labels` where there are no splits.

Pictures without splits are split here (see `made_split`), and the split `all` takes every one of them.

A picture's clip is its name without the last number, which counts the frames: `street_0001` and `street_0002` are two
frames of `street`. So neighbouring frames stay together where independent blocks of video are wanted, at the price
that unrelated photos with running numbers count as one clip; give clips names of their own to tell them apart.
"""

import re
from pathlib import Path

from back.runtime.layouts.listing import IMAGE_SUFFIXES, LABEL_SUFFIXES, Found, scan, subfolders
from back.runtime.layouts.made_split import TRAIN, VAL, MadeSplit, make_split

KIND = "folder"
ALL = "all"  # every picture of `images` without splits
_IMAGES, _LABELS = "images", "labels"


def recognises(root: Path) -> bool:
    return _has_files(root) or bool(_on_disk(root))


def splits(root: Path) -> list[str]:
    """The splits that share out all pictures and labels: those on disk, or those that are made."""
    on_disk = _on_disk(root)
    if on_disk or not _has_files(root):
        return [*on_disk, ALL] if _has_files(root) and ALL not in on_disk else on_disk
    return [TRAIN, VAL] if made_split(root) else [ALL]


def images(root: Path, split: str) -> Found:
    """The pictures of a split."""
    return _found(root, split, _IMAGES, IMAGE_SUFFIXES)


def labels(root: Path, split: str) -> Found:
    """The labels of a split."""
    return _found(root, split, _LABELS, LABEL_SUFFIXES)


def made_split(root: Path) -> MadeSplit | None:
    """How pictures that come without splits are split; None where they come with some, or where one is too few."""
    if _on_disk(root):
        return None
    return make_split(scan(root / _IMAGES, IMAGE_SUFFIXES).files, clip_of)


def split_rule(root: Path) -> str:
    """How the splits were made, as a sentence; empty where they are on disk."""
    made = made_split(root)
    if made is None:
        return ""
    return (
        f"{root / _IMAGES} comes without splits, so it was split here: {made.rule}. The split {ALL} takes every "
        f"picture; for a split of your own make {TRAIN}/{_IMAGES}, {TRAIN}/{_LABELS}, {VAL}/{_IMAGES} and "
        f"{VAL}/{_LABELS}"
    )


def clip_of(name: str) -> str:
    """The video clip that a picture belongs to, by its name.

    Example:
        >>> clip_of("street_0012"), clip_of("cam2_0012_left"), clip_of("0012"), clip_of("portrait")
        ('street', 'cam2_left', '', 'portrait')
    """
    return re.sub(r"[ _.-]*\d+(?=\D*$)", "", name).strip(" _.-")


def _found(root: Path, split: str, kind: str, suffixes: tuple[str, ...]) -> Found:
    on_disk = _on_disk(root)
    if split in on_disk:  # a name among those listed, never a path
        return scan(root / split / kind, suffixes)
    if split != ALL and (on_disk or split not in (TRAIN, VAL)):
        return Found()
    found = scan(root / kind, suffixes)
    if split == ALL:
        return found
    pictures = found if kind == _IMAGES else scan(root / _IMAGES, IMAGE_SUFFIXES)
    made = make_split(pictures.files, clip_of)
    if made is None:
        return Found()
    files = {name: path for name, path in found.files.items() if made.split_of(name) == split}
    return Found(files, found.left_out, found.folder, found.ending)


def _on_disk(root: Path) -> list[str]:
    return [path.name for path in subfolders(root) if _has_files(path)]


def _has_files(folder: Path) -> bool:
    return (folder / _IMAGES).is_dir() or (folder / _LABELS).is_dir()
