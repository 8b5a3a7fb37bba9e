"""What the indices of a palette PNG mean: the ids themselves, its greys, or the classes that its colours show."""

from collections.abc import Mapping, Sequence

from back.runtime.labels.colours import (
    BLACK,
    UNLABELLED,
    Colour,
    Colours,
    colours_for,
    family_of,
    orders,
    unlabelled_value,
    voc_colours,
)
from back.runtime.labels.source import OwnValues, Source, name_of, tables_of

# So many colours of a palette must be those of a data set before they are taken for its classes.
_ENOUGH = {True: 2, False: 3}  # of the source's own data set, of another one
_NEARLY = 4  # so many, with one or two strangers among them, are too many for chance
_VOC_ENOUGH = 8  # entries
_NO_COLOUR = (-1, -1, -1)  # of an index beyond the palette


class PaletteError(ValueError):
    """Indices and colours of a palette contradict each other: says where."""


def values_of(used: Sequence[int], palette: Sequence[Colour], source: Source) -> Mapping[int, int]:
    """The value that each used index stands for.

    The first of these rules that holds:

    1. The palette is grey and its greys are values of the source: the greys (an optimiser's form of a grey picture).
    2. The palette lists a data set's colours in the order of the source's ids, or those of Pascal VOC: the indices.
       In the order of other ids, too, where the indices are values of the source: right ids under another palette.
    3. The used colours are classes of one data set: those classes, whatever the indices.
    4. Anything else: the indices.

    Args:
        used: the indices that occur.
        palette: the colours as the file lists them.
        source: whose values the file ought to hold.

    Raises:
        PaletteError: the rules do not decide.
    """
    as_stored = {i: i for i in used}
    valid = tables_of(source)[0].keys()
    fits = all(i in valid for i in used)
    greys = _greys(used, palette)
    if greys is not None and all(grey in valid for grey in greys.values()):
        return greys
    if _is_in_order(palette, source, fits, max((i for i in used if i != 255), default=0)):
        return as_stored
    shown = {i: palette[i] if i < len(palette) else _NO_COLOUR for i in used}
    for known in colours_for(source):
        if _covers(known, shown, palette, own=known.name == family_of(source)):
            return _by_colours(known, shown, palette, source)
    by_voc = _by_voc(shown, palette, source)
    if by_voc is not None:
        return by_voc
    if greys is not None:
        if fits:
            raise PaletteError(
                f"its palette is grey with the values {_listed(greys.values())}, which are no ids of "
                f"{name_of(source)}, though its indices {_listed(used)} are"
            )
        return greys
    for known in colours_for(source):
        _refuse_strangers(known, shown, source)
    return as_stored


def _greys(used: Sequence[int], palette: Sequence[Colour]) -> dict[int, int] | None:
    """Grey of each used index; None where the palette is not grey or gives two of them one grey."""
    if any(r != g or g != b for r, g, b in palette) or any(i >= len(palette) for i in used):
        return None
    greys = {i: palette[i][0] for i in used}
    return greys if len(set(greys.values())) == len(greys) else None


def _is_in_order(palette: Sequence[Colour], source: Source, fits: bool, last: int) -> bool:
    """Whether a palette shows ids in their order: the source's own or VOC's, or another one with indices that fit."""
    listed = tuple(palette)
    if isinstance(source, OwnValues):
        by_value = {value: colour for colour, value in reversed(source.colours)}
        own = tuple(by_value.get(i) for i in range(len(source.taxonomy.classes)))
        if None not in own and listed[: len(own)] == own:
            return True
    for order in orders():
        if listed[: len(order.colours)] == order.colours:
            return order.source == source or (fits and order.name != family_of(source))
    count = max(last + 1, min(len(listed), _VOC_ENOUGH))
    return len(listed) >= count > 2 and listed[:count] == voc_colours()[:count]


def _covers(known: Colours, shown: Mapping[int, Colour], palette: Sequence[Colour], own: bool) -> bool:
    """Whether all used colours are a data set's, and enough of the palette is to be no chance."""
    meanings = known.meanings
    if any(colour not in meanings and colour not in UNLABELLED for colour in shown.values()):
        return False
    listed = {colour for colour in palette if colour in meanings and (colour != BLACK or own)}
    used = {colour for colour in shown.values() if colour in meanings}
    return bool(used) and (len(listed) >= _ENOUGH[own] or (own and len(palette) == 1))


def _by_colours(
    known: Colours, shown: Mapping[int, Colour], palette: Sequence[Colour], source: Source
) -> dict[int, int]:
    values: dict[int, int] = {}
    for index, colour in shown.items():
        if colour not in known.meanings:
            value = unlabelled_value(source)
        else:
            name, value = known.meanings[colour]
            if value is None:
                raise PaletteError(
                    f"index {index} has the colour of {name} in {known.name}, which {name_of(source)} has no class "
                    "for"
                )
        if value is None:
            raise PaletteError(f"index {index} has the colour {colour}, which is no class of {known.name}")
        values[index] = value
    if _same_meaning(values, source):
        return {index: index for index in values}
    by_voc = _by_voc(shown, palette, source)
    if known.name != family_of(source) and by_voc is not None and by_voc != values:
        raise PaletteError(f"its colours may be those of {known.name} or of Pascal VOC, which mean different ids")
    return values


def _same_meaning(values: Mapping[int, int], source: Source) -> bool:
    """Whether reading the indices gives the same classes as the colours do."""
    return all(table.get(i) == table[v] for table in tables_of(source) for i, v in values.items())


def _by_voc(shown: Mapping[int, Colour], palette: Sequence[Colour], source: Source) -> dict[int, int] | None:
    """Ids of a palette that lists VOC's colours in another order; None where it does not."""
    voc = {colour: index for index, colour in enumerate(voc_colours())}
    valid = tables_of(source)[0].keys()
    values = {index: voc[colour] for index, colour in shown.items() if colour in voc}
    strangers = len(values) < len(shown) or any(value not in valid for value in values.values())
    if strangers or len({colour for colour in palette if colour in voc and colour != BLACK}) < _ENOUGH[False]:
        return None
    return values


def _refuse_strangers(known: Colours, shown: Mapping[int, Colour], source: Source) -> None:
    """Raise where the colours are a data set's but for one or two, and mean other classes than the indices."""
    named = {i: known.meanings[c] for i, c in shown.items() if c in known.meanings}
    strangers = [i for i, c in shown.items() if c not in known.meanings and c not in UNLABELLED]
    if len(named) < _NEARLY or len(strangers) > 2:
        return
    for index, (name, value) in named.items():
        if value is not None and not _same_meaning({index: value}, source):
            raise PaletteError(
                f"index {index} has the colour of {name} in {known.name} but is the id of another class, and the "
                f"colour {shown[strangers[0]]} of index {strangers[0]} is none of {known.name}'s"
            )


def _listed(values: object) -> str:
    some = sorted(values)  # type: ignore[call-overload]
    return ", ".join(map(str, some[:8])) + (", …" if len(some) > 8 else "")
