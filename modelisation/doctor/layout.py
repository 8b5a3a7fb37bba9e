"""The files of a whole data set, all splits together: what the loader reads and what it leaves out."""

from dataclasses import dataclass, replace
from pathlib import Path

from back.runtime.layouts import camvid, cityscapes, folder
from back.runtime.layouts.listing import LeftOut, Pair
from back.runtime.layouts.recognise import list_split
from modelisation.data.base import DatasetError
from modelisation.data.folder import describe
from modelisation.data.open import recognised

_SOURCES = {cityscapes.KIND: "cityscapes_label_ids", camvid.KIND: "camvid11"}


@dataclass(frozen=True)
class Layout:
    """A data folder's pairs, and the source (a key of `REMAPS`) whose values its labels ought to hold.

    `split_rule` says how splits were made where the folder comes without any.
    """

    kind: str
    source: str
    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]
    split_rule: str = ""


def read_layout(root: Path) -> Layout:
    """List every image and label under a data folder.

    Raises:
        DatasetError: the folder does not exist, has no known layout, or holds no files.
    """
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
    source = _SOURCES.get(layout.KIND) or describe(root)[0]
    # Splits that are made of one folder leave out the same files.
    left_out = tuple(dict.fromkeys(one for listing in listings for one in listing.left_out))
    return Layout(layout.KIND, source, pairs, left_out, rule)
