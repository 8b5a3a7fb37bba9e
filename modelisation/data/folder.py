"""A plain folder of `images` and `labels`, with or without splits.

A file `dataset.json` beside them may say `{"source": "cityscapes_label_ids", "licence": "..."}`; without it the
labels hold street8 ids. One remap source serves the whole folder.
"""

import json
from pathlib import Path

from back.runtime.layouts import folder
from back.runtime.layouts.listing import IMAGE_SUFFIXES, match, shown
from back.runtime.taxonomy import REMAPS
from modelisation.data.base import DatasetError, SegmentationDataset
from modelisation.data.items import items_of, say

DESCRIPTION_FILE = "dataset.json"
_WANTED = 'wanted {"source": "<values>", "licence": "<terms>"}'


def open_folder(root: Path, split: str, taxonomy: str) -> SegmentationDataset:
    """Open a split: `<root>/<split>/images`, or the part of `<root>/images` that is made into this split.

    Raises:
        DatasetError: there is no such split, no picture, a picture without a label, or a broken `dataset.json`.
    """
    images, labels = folder.images(root, split), folder.labels(root, split)
    if images.folder is None and labels.folder is None:
        raise DatasetError(f"{root}: no split {split}; there are: {', '.join(_splits(root))}{_too_few(root)}")
    if images.folder is None or labels.folder is None:
        there = (images.folder or labels.folder or root).parent
        missing = "images" if images.folder is None else "labels"
        raise DatasetError(f"{there / missing}: no such folder; pictures lie in images, their label PNGs in labels")
    rule = folder.split_rule(root) if split != folder.ALL else ""
    if rule:
        say(rule)
    items = items_of(match(split, images, labels, folder.clip_of))
    if not items:
        raise DatasetError(f"{images.folder}: holds no pictures ({', '.join(IMAGE_SUFFIXES)})")
    source, licence = describe(root)
    return SegmentationDataset(
        shown(root.resolve().name),
        split,
        items,
        source=source,
        taxonomy=taxonomy,
        licence=licence,
        split_rule=rule,
    )


def _splits(root: Path) -> list[str]:
    """What one may ask for."""
    return list(dict.fromkeys([*folder.splits(root), *([folder.ALL] if folder.made_split(root) else [])]))


def _too_few(root: Path) -> str:
    alone = folder.splits(root) == [folder.ALL] and len(folder.images(root, folder.ALL).files) == 1
    return " (one picture is too few to make a split)" if alone else ""


def describe(root: Path) -> tuple[str, str]:
    """The source and the licence that `dataset.json` states, `street8` and `not stated` without it.

    Raises:
        DatasetError: the file is broken, or names a source that is not known.
    """
    path = root / DESCRIPTION_FILE
    if not path.is_file():
        return "street8", "not stated"
    try:
        described = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors begin it with a mark
        source, licence = described["source"], described.get("licence", "not stated")
    except KeyError as error:
        raise DatasetError(f"{path}: {_WANTED} (no {error.args[0]})") from error
    except (ValueError, RecursionError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path}: {_WANTED} ({error})") from error
    if not isinstance(source, str) or not isinstance(licence, str):
        raise DatasetError(f"{path}: {_WANTED}, both in quotes")
    if source not in REMAPS:
        raise DatasetError(f"{path}: unknown source {source!r}; known: {', '.join(REMAPS)}")
    return source, licence
