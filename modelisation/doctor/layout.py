"""The files of a whole data set, all splits together: what the loader reads and what it leaves out."""

from dataclasses import dataclass, replace
from pathlib import Path

from back.runtime.errors import UserError
from back.runtime.labels.source import Source
from back.runtime.layouts import camvid, cityscapes, folder
from back.runtime.layouts.listing import LeftOut, Pair
from back.runtime.layouts.recognise import list_split
from modelisation.data.base import DatasetError
from modelisation.data.class_sets import Classes, class_set
from modelisation.data.folder import describe
from modelisation.data.formats.table import format_of
from modelisation.data.open import recognised

_SOURCES = {cityscapes.KIND: "cityscapes_label_ids", camvid.KIND: "camvid11"}


@dataclass(frozen=True)
class Layout:
    """A data folder's pairs, and the source whose values its labels ought to hold.

    `split_rule` says how splits were made where the folder comes without any.
    """

    kind: str
    source: Source
    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]
    split_rule: str = ""


def read_layout(root: Path, classes: Classes | None = None) -> Layout:
    """List every image and label under a data folder; `classes` are those of a plain folder's labels.

    Raises:
        UserError: classes are named for a data set whose label values are known.
        DatasetError: the folder does not exist, has no known layout, or holds no files.
    """
    form = format_of(root)
    if form is not None:
        raise DatasetError(
            f"{root}: {form.TITLE}; train and evaluate read it as it lies, and the doctor looks at it converted: "
            f"python -m modelisation convert {root} --out DIR, then doctor DIR"
        )
    layout = recognised(root)
    listings = [list_split(layout, root, split) for split in layout.splits(root)]
    pairs = tuple(pair for listing in listings for pair in listing.pairs)
    if not pairs:
        raise DatasetError(f"{root}: looks like {layout.KIND} but holds no images; copy them here")
    rule = ""
    if layout.KIND == folder.KIND:
        rule = folder.split_rule(root)
        # Unrelated photos have running numbers too, so a name alone does not tell that a clip lies in two splits.
        pairs = tuple(replace(pair, sequence="") for pair in pairs)
    source: Source = _SOURCES.get(layout.KIND) or describe(root, class_set(classes) if classes else None)[0]
    if classes and layout.KIND in _SOURCES:
        raise UserError(
            f"{root}: the label values of {layout.KIND} are known, so they are judged as such; leave --classes "
            "out here, and give it to train and evaluate"
        )
    # Splits that are made of one folder leave out the same files.
    left_out = tuple(dict.fromkeys(one for listing in listings for one in listing.left_out))
    return Layout(layout.KIND, source, pairs, left_out, rule)
