"""What the values of a label file mean: those of a known source, or of classes that a data folder brings."""

from collections.abc import Mapping
from dataclasses import dataclass

from back.runtime.taxonomy import REMAPS, Taxonomy

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class OwnValues:
    """The label values of a class set that is none of the known sources.

    Attributes:
        taxonomy: the classes.
        values: pairs of a value in the files and the id that it means, 255 where it means no label.
        colours: pairs of a colour and its value in the files, where the set gives colours; labels may then be colour
            pictures, and palettes in another order are read by them.
    """

    taxonomy: Taxonomy
    values: tuple[tuple[int, int], ...]
    colours: tuple[tuple[Colour, int], ...] = ()

    @property
    def table(self) -> dict[int, int]:
        """Value -> id."""
        return dict(self.values)


# A key of `REMAPS`, or values of a set of one's own.
Source = str | OwnValues


def tables_of(source: Source) -> tuple[Mapping[int, int], ...]:
    """Value -> id, for every class set that the source has a way to; all have the same values."""
    return (source.table,) if isinstance(source, OwnValues) else tuple(REMAPS[source].values())


def name_of(source: Source) -> str:
    """What messages call a source."""
    return source.taxonomy.id if isinstance(source, OwnValues) else source
