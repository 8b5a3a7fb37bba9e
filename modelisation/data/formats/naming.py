"""From names in label files to class ids: what is equal, known, or settled with `--map name=class`; the rest is an
error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from back.runtime.errors import UserError
from back.runtime.taxonomy import CITYSCAPES19, IGNORE, STREET8, ClassInfo, Taxonomy, grouping
from modelisation.data.class_colours import choose_colours
from modelisation.data.class_files import MOST, ClassSet
from modelisation.data.class_sets import built_in_names, class_set
from modelisation.data.formats.base import UNLABELLED, Export
from modelisation.data.formats.street_names import KNOWN, KNOWN_IN_STREET8

IGNORED, WITHOUT = "ignore", "unlabelled"  # words of `--map`: no label, and the pixels that carry none


class NamesError(UserError):
    """Names without a class: lists them with their counts, and says how to settle them."""


@dataclass(frozen=True)
class Naming:
    """The classes that labels are read in, and the id of each name, 255 where it means no label."""

    classes: ClassSet
    ids: Mapping[str, int]

    def unknown(self, names: Sequence[str]) -> list[str]:
        """The names that have no id."""
        return [name for name in names if name not in self.ids]


def parse_maps(texts: Sequence[str]) -> dict[str, str]:
    """`name=class` of each `--map`; the last `=` separates, since names of colours hold none.

    Raises:
        UserError: one is not of this form, or a name is mapped twice.
    """
    maps: dict[str, str] = {}
    for text in texts:
        name, separator, onto = (part.strip() for part in text.rpartition("="))
        if not separator or not name or not onto:
            raise UserError(f"--map {text}: wanted name=class, or name={IGNORED}")
        if maps.setdefault(name, onto) != onto:
            raise UserError(f"--map {text}: {name} is mapped to {maps[name]} already")
    return maps


def name_classes(export: Export, maps: Mapping[str, str], wanted: ClassSet | None) -> Naming:
    """The id of each declared name.

    Args:
        export: whose names they are.
        maps: name -> class or `ignore`, before any other rule; `unlabelled` names pixels that carry no label.
        wanted: the classes asked for; None takes the export's own names as classes, as far as they are not mapped.

    Raises:
        UserError: a map names no class of the set, or the names are too few or too many to be classes.
    """
    names = [*export.names, *(name for name in maps if name not in export.names and name != WITHOUT)]
    classes = wanted or _own_classes(export, names, maps)
    taxonomy = classes.taxonomy
    ids = {UNLABELLED: IGNORE}
    for name in names:
        place = _place(maps[name], taxonomy) if name in maps else _found(name, taxonomy, export, wanted is None)
        if place is not None:
            ids[name] = place
    if WITHOUT in maps:
        ids[UNLABELLED] = _place(maps[WITHOUT], taxonomy)
    return Naming(classes, ids)


def refuse_unknown(where: object, counts: Mapping[str, int], unit: str, naming: Naming) -> None:
    """Raises NamesError: names among the counted ones have no class."""
    unknown = sorted(naming.unknown(list(counts)), key=lambda name: -counts[name])
    if unknown:
        listed = ", ".join(f"{name} ({counts[name]:,} {unit})" for name in unknown[:20])
        more = f", … and {len(unknown) - 20} more" if len(unknown) > 20 else ""
        raise NamesError(
            f"{where}: no class of {naming.classes.taxonomy.id} for {listed}{more}; settle each with "
            f'--map "{unknown[0]}=CLASS" or --map "{unknown[0]}={IGNORED}" (classes: '
            f"{', '.join(naming.classes.taxonomy.names[:30])})"
        )


def _own_classes(export: Export, names: Sequence[str], maps: Mapping[str, str]) -> ClassSet:
    if export.classes is not None and not maps:
        return ClassSet(export.classes.taxonomy, {**{i: i for i in range(len(export.names))}, IGNORE: IGNORE})
    kept = dict.fromkeys(maps.get(name, name) for name in [*names, *([WITHOUT] if WITHOUT in maps else [])])
    found = [name for name in kept if name != IGNORED]
    if not 2 <= len(found) <= MOST:
        raise UserError(
            f"the labels name {len(found)} class{'' if len(found) == 1 else 'es'} ({', '.join(found[:5])}); a set "
            f"has 2 to {MOST}: --map {WITHOUT}=background makes a class of the pixels without a label"
        )
    given = [export.colours.get(name) for name in found]
    once = [colour if given.count(colour) == 1 else None for colour in given]
    infos = tuple(
        ClassInfo(id=i, name=name, color=colour)
        for i, (name, colour) in enumerate(zip(found, choose_colours(once), strict=True))
    )
    name = export.name if export.name not in built_in_names() else f"{export.name}-own"
    return ClassSet(Taxonomy(id=name, classes=infos), {**{i: i for i in range(len(infos))}, IGNORE: IGNORE})


def _place(onto: str, taxonomy: Taxonomy) -> int:
    if onto == IGNORED:
        return IGNORE
    by_form = {_form(name): i for i, name in enumerate(taxonomy.names)}
    if _form(onto) not in by_form:
        raise UserError(f"--map …={onto}: {taxonomy.id} has no such class; it has {', '.join(taxonomy.names)}")
    return by_form[_form(onto)]


def _found(name: str, taxonomy: Taxonomy, export: Export, own: bool) -> int | None:
    """The class of a name by itself; None where it is not known."""
    by_form = {_form(one): i for i, one in enumerate(taxonomy.names)}
    if own or _form(name) in by_form:
        return by_form.get(_form(name))
    if export.classes is not None and name in export.classes.taxonomy.names:
        fine = export.classes.taxonomy
        places = grouping(fine, taxonomy)
        return places[fine.names.index(name)] if places else _by_files(name, taxonomy, export)
    if taxonomy.same_classes(STREET8) and _form(name) in KNOWN_IN_STREET8:
        return STREET8.names.index(KNOWN_IN_STREET8[_form(name)])
    known = KNOWN.get(_form(name))
    if known is None:
        return None
    places = grouping(CITYSCAPES19, taxonomy)
    return places[CITYSCAPES19.names.index(known)] if places else by_form.get(_form(known))


def _by_files(name: str, taxonomy: Taxonomy, export: Export) -> int | None:
    """By what the target set says of the label files of the export's set."""
    source = export.classes
    if source is None:
        return None
    table = class_set(taxonomy).known.get(source.taxonomy.id, {})
    values = [v for v, i in source.own.items() if i == source.taxonomy.names.index(name)]
    return table.get(values[0]) if values else None


def _form(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
