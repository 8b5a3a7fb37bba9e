"""A plain folder of `images` and `labels`, with or without splits.

A file `classes.yaml` beside them says what the labels hold (`modelisation/data/class_files.py`), or `dataset.json`,
for known values: `{"source": "cityscapes_label_ids", "licence": "..."}`. Without either they hold the classes of the
user's own file that was asked for, else street8 ids.
"""

import json
from pathlib import Path

from back.runtime.labels.source import Source
from back.runtime.layouts import folder
from back.runtime.layouts.listing import IMAGE_SUFFIXES, match, shown
from back.runtime.taxonomy import REMAPS
from modelisation.data.base import DatasetError, SegmentationDataset
from modelisation.data.class_files import CLASSES_FILE, ClassSet
from modelisation.data.class_sets import DEFAULT, Classes, class_set, is_built_in, known_sources, of_folder
from modelisation.data.items import items_of, say

DESCRIPTION_FILE = "dataset.json"
_WANTED = 'wanted {"source": "<values>", "licence": "<terms>"}'


def open_folder(root: Path, split: str, taxonomy: Classes) -> SegmentationDataset:
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
    source, licence = describe(root, class_set(taxonomy))
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


def describe(root: Path, wanted: ClassSet | None = None) -> tuple[Source, str]:
    """What the labels hold, by `dataset.json` or `classes.yaml`, and the licence, `not stated` without the first.

    Args:
        root: the folder.
        wanted: what the labels hold where nothing says it, unless it is a built-in set: then they hold street8.

    Raises:
        DatasetError: `dataset.json` is broken, or names a source that is not known.
        ClassSetError: `classes.yaml` cannot be used.
    """
    path, own = root / DESCRIPTION_FILE, of_folder(root)
    if own is None and wanted is not None and not is_built_in(wanted.taxonomy):
        own = wanted
    default: Source = own.source if own is not None else DEFAULT
    if not path.is_file():
        return default, "not stated"
    try:
        described = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors begin it with a mark
        source_is_said = own is None or "source" in described
        source = described["source"] if source_is_said else ""
        licence = described.get("licence", "not stated")
    except KeyError as error:
        raise DatasetError(f"{path}: {_WANTED} (no {error.args[0]})") from error
    except (ValueError, RecursionError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path}: {_WANTED} ({error})") from error
    if not isinstance(source, str) or not isinstance(licence, str):
        raise DatasetError(f"{path}: {_WANTED}, both in quotes")
    if not source_is_said:
        return default, licence
    if source not in known_sources():
        raise DatasetError(
            f"{path}: unknown source {source!r}; known: {', '.join(known_sources())}; classes of your own belong in "
            f"{CLASSES_FILE}"
        )
    return source if source in REMAPS else class_set(source).source, licence
