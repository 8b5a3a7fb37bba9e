"""From the name of a kind of label file to what its values mean in a model's classes."""

from collections.abc import Iterable, Mapping

from back.runtime.labels.source import OwnValues, Source
from back.runtime.taxonomy import IGNORE, REMAPS, TAXONOMIES, RemapError, Taxonomy, grouping, remap_for


def source_named(name: str, taxonomies: Iterable[Taxonomy]) -> Source:
    """What a label file's values are: a known source, or the ids of a model's own class set."""
    own = next((one for one in taxonomies if one.id == name), None)
    if own is None or name in REMAPS:
        return name
    return OwnValues(own, (*((one.id, one.id) for one in own.classes), (IGNORE, IGNORE)))


def table_to(source: Source, target: Taxonomy) -> Mapping[int, int]:
    """The remap from a label file's values to a model's classes.

    Raises:
        RemapError: there is none.
    """
    if isinstance(source, OwnValues):
        if (places := grouping(source.taxonomy, target)) is None:
            raise RemapError(f"{source.taxonomy.id} is no finer set than {target.id}")
        return {value: IGNORE if onto == IGNORE else places[onto] for value, onto in source.values}
    known = TAXONOMIES.get(target.id)
    if known is not None and not known.same_classes(target):
        raise RemapError(f"{target.id} has other classes here than the set of this name")
    return remap_for(source, target.id)
