"""Photos and labels that lie in one folder, or in any two beside each other: told apart by their names alone.

A file is a label where its name ends as label files' names do (`…_labelIds.png`, `…_mask.png`), where its folder is
called like one of labels, or where a PNG stands beside a JPEG or WEBP of the same name. A photo and its label share
what is left of their names without those endings. For uploads alone: data to train on is laid out on purpose.
"""

import os
import re
from pathlib import Path

from back.runtime.layouts import folder
from back.runtime.layouts.listing import (
    IMAGE_SUFFIXES,
    LABEL_SUFFIXES,
    Found,
    LeftOut,
    composed,
    scan,
    shown,
    subfolders,
)

KIND = "loose"
ALL = folder.ALL
_LABEL_ENDING = re.compile(
    r"[_-](gtfine_labelids|gtcoarse_labelids|labelids|labeltrainids|trainids|labels?|masks?|gt|seg|truth)$", re.I
)
_IMAGE_ENDING = re.compile(r"[_-](leftimg8bit|image|photo|rgb)$", re.I)
_LABEL_FOLDER = re.compile(r"(label|mask|annot|truth|segmentation|^gt)", re.I)


def recognises(root: Path) -> bool:
    return bool(images(root, ALL).files)


def splits(root: Path) -> list[str]:
    return [ALL]


def images(root: Path, split: str) -> Found:
    """The pictures."""
    return _sorted(root)[0] if split == ALL else Found()


def labels(root: Path, split: str) -> Found:
    """The labels."""
    return _sorted(root)[1] if split == ALL else Found()


def clip_of(name: str) -> str:
    """As of a plain folder."""
    return folder.clip_of(name)


def _sorted(root: Path) -> tuple[Found, Found]:
    pictures: dict[str, Path] = {}
    truths: dict[str, Path] = {}
    left_out: list[LeftOut] = []
    for place in (root, *subfolders(root)):
        found = scan(place, IMAGE_SUFFIXES)
        # Of one name, `scan` reads one file and lists the others as left out: here they may be photo and label.
        twice = {Path(one.path).name: one for one in found.left_out if one.kind == "second_of_a_name"}
        left_out += [one for one in found.left_out if one not in twice.values() and one.kind != "in_subfolder"]
        paths = [*found.files.values(), *(place / name for name in twice)]
        compressed = {_stem(path) for path in paths if path.suffix.lower() not in LABEL_SUFFIXES}
        named = place != root and _LABEL_FOLDER.search(place.name) is not None
        for path in paths:
            stem = _stem(path)
            is_png = path.suffix.lower() in LABEL_SUFFIXES
            is_label = is_png and (named or _LABEL_ENDING.search(stem) is not None or stem in compressed)
            key = _LABEL_ENDING.sub("", stem) if is_label else _IMAGE_ENDING.sub("", stem)
            kept = truths if is_label else pictures
            if key in kept:
                left_out.append(LeftOut("second_of_a_name", shown(path), f"{kept[key].name} is read"))
            else:
                kept[key] = path
    return Found(pictures, tuple(left_out), root), Found(truths, (), root)


def _stem(path: Path) -> str:
    return composed(os.path.splitext(path.name)[0])
