"""Exports of other tools, read as they lie: a split of one as a data set."""

from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from back.runtime.layouts import folder
from back.runtime.layouts.listing import shown
from back.runtime.layouts.made_split import TRAIN, VAL, make_split
from modelisation.data.base import DatasetError, Item, SegmentationDataset
from modelisation.data.class_sets import Classes, class_set
from modelisation.data.formats.base import Export, Format, LabelMap, Picture
from modelisation.data.formats.naming import Naming, name_classes, refuse_unknown
from modelisation.data.items import say


class ExportDataset(SegmentationDataset):
    """A split whose labels are read from another tool's files."""

    def __init__(self, root: Path, split: str, pictures: list[Picture], naming: Naming, rule: str) -> None:
        items = [Item(one.name, one.image, one.label, folder.clip_of(one.name)) for one in pictures]
        source = naming.classes.source
        super().__init__(
            shown(root.resolve().name), split, items, source=source, taxonomy=naming.classes, licence="not stated",
            split_rule=rule,
        )  # fmt: skip
        self._pictures = pictures
        self._naming = naming

    def label(self, index: int) -> npt.NDArray[np.uint8]:
        picture = self._pictures[index]
        return ids_of(picture.read(), self._naming, picture.label)

    def subset(self, keep: "list[Item] | tuple[Item, ...]", split: str) -> "ExportDataset":  # type: ignore[override]
        names = {item.name for item in keep}
        pictures = [one for one in self._pictures if one.name in names]
        return ExportDataset(Path(self.dataset), split, pictures, self._naming, self.split_rule)


def ids_of(labels: LabelMap, naming: Naming, name: object) -> npt.NDArray[np.uint8]:
    """A label map in class ids, uint8 [H, W].

    Raises:
        NamesError: a name has no class.
    """
    codes = np.unique(labels.codes).tolist()
    used = {code: labels.names[code] for code in codes}
    if naming.unknown(list(used.values())):
        counts = {used[c]: int((labels.codes == c).sum()) for c in codes}
        refuse_unknown(name, counts, "pixels", naming)
    table = np.zeros(int(labels.codes.max()) + 1, np.uint8)
    for code, title in used.items():
        table[code] = naming.ids[title]
    ids: npt.NDArray[np.uint8] = table[labels.codes]
    return ids


def open_export(form: Format, root: Path, split: str, classes: Classes | None) -> ExportDataset:
    """Open one split of an export; one without splits is split as a plain folder is, and `all` takes all of it.

    Raises:
        DatasetError: there is no such split, or a file cannot be read.
        NamesError: a name in the labels has no class; `convert` can settle it.
    """
    export = _read(form, root.absolute())
    wanted = class_set(classes) if classes is not None else None
    naming = name_classes(export, {}, wanted)
    if unknown := naming.unknown(export.names):
        raise DatasetError(
            f"{root} ({form.TITLE}): no class of {naming.classes.taxonomy.id} for {', '.join(unknown[:20])}; convert "
            f'it with: python -m modelisation convert {root} --out DIR --map "{unknown[0]}=CLASS"'
        )
    for sentence in export.left_out:
        say(sentence)
    pictures = list(export.pictures)
    splits = sorted({one.split for one in pictures} - {""})
    rule = ""
    if split == folder.ALL:
        return ExportDataset(root, split, pictures, naming, rule)
    if not splits:
        made = make_split([one.name for one in pictures], folder.clip_of)
        splits = [TRAIN, VAL, folder.ALL] if made else [folder.ALL]
        if made is not None and split in (TRAIN, VAL):
            rule = f"{root} ({form.TITLE}) comes without splits, so it was split here: {made.rule}"
            say(rule)
            return ExportDataset(root, split, [p for p in pictures if made.split_of(p.name) == split], naming, rule)
    ours = [one for one in pictures if one.split == split]
    if not ours:
        raise DatasetError(f"{root}: no split {split}; there are: {', '.join([*splits, folder.ALL])}")
    return ExportDataset(root, split, ours, naming, rule)


def _read(form: Any, root: Path) -> Export:
    """What an export holds; a run opens its splits several times."""
    places = (root, *root.iterdir(), *root.glob("*/*.json"))
    newest = max((path.stat().st_mtime_ns for path in places), default=0)
    return _remembered(form, root, newest)


@lru_cache(maxsize=2)
def _remembered(form: Any, root: Path, _changed: int) -> Export:
    return cast(Export, form.read(root))
