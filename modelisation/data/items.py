"""From the files of a split to the items of a data set; what is left out is said."""

import logging
from functools import cache

from back.runtime.layouts.listing import Listing, sentences
from modelisation.data.base import DatasetError, Item


def items_of(listing: Listing) -> list[Item]:
    """The items of a split, in order.

    Raises:
        DatasetError: a picture has no label.
    """
    for sentence in sentences(listing):
        say(sentence)
    missing = [pair for pair in listing.pairs if pair.image is not None and pair.label is None]
    if missing:
        others = f"; {len(missing)} have none" if len(missing) > 1 else ""
        raise DatasetError(f"{missing[0].wanted}: no such file; every picture of the split needs a label{others}")
    return [
        Item(pair.name, pair.image, pair.label, pair.sequence)
        for pair in listing.pairs
        if pair.image is not None and pair.label is not None
    ]


@cache  # a run opens its splits several times
def say(sentence: str) -> None:
    """Tell the user what the loader decided; the same sentence once."""
    logging.getLogger(__name__).warning(sentence)
