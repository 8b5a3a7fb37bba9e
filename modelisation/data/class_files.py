"""The YAML file of a class set, read and written.

    name: garden                  # default: the file's name, or its folder's for classes.yaml
    ignore: 255                   # the value of unlabelled pixels in label files
    classes:
      - {id: 0, name: path, color: [128, 64, 128]}
      - {id: 1, name: lawn}       # colours that are missing are chosen, apart from the others
      - {id: 2, name: bed, values: [2, 3]}
    groups:                       # optional: coarser sets in which scores are told as well
      two: {ground: [path, lawn], plants: [bed]}

`values` are what label files hold for the class, its id by default; `{camvid11: [8, 9]}` says it of a known source.
`ignored` lists, in either form, more values that mean no label, and `ignored_colors` colours that do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from back.runtime.errors import UserError
from back.runtime.labels.source import Colour, OwnValues
from back.runtime.taxonomy import IGNORE, ClassInfo, Groups, Taxonomy
from modelisation.data.class_colours import choose_colours
from modelisation.yaml_files import first_mistake, read_yaml

CLASSES_FILE = "classes.yaml"
MOST = 255
Values = list[int] | dict[str, list[int]]


class ClassSetError(UserError):
    """A class set that cannot be used: says in which file, and what is wrong."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: int
    name: str = Field(min_length=1)
    color: Colour | None = None
    values: Values | None = None

    @field_validator("color", mode="before")
    @classmethod
    def _from_hex(cls, value: Any) -> Any:
        if isinstance(value, str) and len(value) == 7 and value.startswith("#"):
            try:
                return tuple(bytes.fromhex(value[1:]))
            except ValueError:
                raise ValueError(f"{value} is no colour; write [r, g, b] or '#rrggbb'") from None
        return value


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    ignore: int = Field(default=IGNORE, ge=0, le=255)
    classes: list[_Entry]
    ignored: Values | None = None
    ignored_colors: list[Colour] = Field(default_factory=list)
    groups: Groups = Field(default_factory=dict)


@dataclass(frozen=True)
class ClassSet:
    """Classes, and what label files hold for them.

    Attributes:
        taxonomy: the classes, as a card carries them.
        own: value in the set's own label files -> id, 255 where it means no label.
        known: the same for the files of known sources, by the source's name.
        stated: whether the file lists `own`; else they are the ids.
        colours: colour -> value in the set's own files, where all colours are given.
    """

    taxonomy: Taxonomy
    own: Mapping[int, int]
    known: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    stated: bool = False
    colours: Mapping[Colour, int] = field(default_factory=dict)

    @property
    def source(self) -> OwnValues:
        """What label files hold that are labelled in this set."""
        return OwnValues(self.taxonomy, tuple(self.own.items()), tuple(self.colours.items()))


def read_class_set(path: Path) -> ClassSet:
    """Read a class set.

    Raises:
        ClassSetError: the file is missing, or breaks a rule: which one, in a sentence with the file's name.
    """
    if not path.is_file():
        raise ClassSetError(f"{path}: no such file with classes")
    try:
        content = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ClassSetError(f"{path}: {first_mistake(error)}") from error
    if (mistake := _mistake(content)) is not None:
        raise ClassSetError(f"{path}: {mistake}")
    name = content.name or (path.resolve().parent.name if path.name == CLASSES_FILE else path.stem)
    colours = choose_colours([entry.color for entry in content.classes])
    infos = tuple(ClassInfo(id=e.id, name=e.name, color=c) for e, c in zip(content.classes, colours, strict=True))
    try:
        taxonomy = Taxonomy(id=name, classes=infos, groups=content.groups)
        found = _with_values(taxonomy, content)
    except ValueError as error:
        said = first_mistake(error) if isinstance(error, ValidationError) else str(error)
        raise ClassSetError(f"{path}: {said}") from error
    return found


def to_yaml(classes: ClassSet) -> str:
    """The file of a class set, one class a line; read again it is the same."""
    taxonomy = classes.taxonomy
    lines = [f"name: {taxonomy.id}", f"ignore: {IGNORE}", "classes:"]
    for one in taxonomy.classes:
        entry = f"id: {one.id}, name: {json.dumps(one.name, ensure_ascii=False)}, color: {list(one.color)}"
        own = _values_of(classes.own, one.id)
        known = {source: _values_of(table, one.id) for source, table in classes.known.items()}
        if classes.stated:
            entry += f", values: {own}"
        elif any(known.values()):
            listed = ", ".join(f"{source}: {values}" for source, values in known.items() if values)
            entry += f", values: {{{listed}}}"
        lines.append(f"  - {{{entry}}}")
    more = {source: _values_of(table, IGNORE) for source, table in classes.known.items()}
    if classes.stated or not any(more.values()):
        lines.append(f"ignored: {_values_of(classes.own, IGNORE)}")
    else:
        lines += ["ignored:", *(f"  {source}: {values}" for source, values in more.items() if values)]
    if taxonomy.groups:
        lines += ["groups:", *(f"  {name}: {json.dumps(group)}" for name, group in taxonomy.groups.items())]
    return "\n".join(lines) + "\n"


def _values_of(table: Mapping[int, int], onto: int) -> list[int]:
    return sorted(value for value, target in table.items() if target == onto)


def _mistake(content: _File) -> str | None:
    """What is wrong with the classes, before colours are chosen; None where nothing is."""
    ids, names = [e.id for e in content.classes], [e.name for e in content.classes]
    colours = [e.color for e in content.classes if e.color is not None]
    if not 2 <= len(ids) <= MOST:
        return f"{len(ids)} classes; a set has 2 to {MOST}"
    listed: tuple[tuple[str, list[Any]], ...] = (("id", ids), ("name", names), ("colour", colours))
    for what, values in listed:
        if twice := [value for value in values if values.count(value) > 1]:
            return f"{what} {twice[0]} stands twice"
    if missing := sorted(set(range(max(ids) + 1)) - set(ids)):
        return f"ids must be 0 to {len(ids) - 1} without gaps; {', '.join(map(str, missing[:8]))} is missing"
    if ids != sorted(ids):
        return "classes must stand in the order of their ids"
    if outside := [c for c in colours if not all(0 <= v <= 255 for v in c)]:
        return f"colour {outside[0]} is outside 0 to 255"
    own_ids = not any(isinstance(e.values, list) for e in content.classes)
    if own_ids and content.ignore < len(ids):
        return f"ignore {content.ignore} is the id of {names[content.ignore]}; choose a value that no class has"
    return None


def _with_values(taxonomy: Taxonomy, content: _File) -> ClassSet:
    own: dict[int, int] = {}
    known: dict[str, dict[int, int]] = {}
    listed = any(isinstance(entry.values, list) for entry in content.classes)
    for entry in content.classes:
        values = entry.values if entry.values is not None else [entry.id]
        by_source = values if isinstance(values, dict) else {"": values}
        if isinstance(values, dict) and not listed:
            by_source = by_source | {"": [entry.id]}
        for source, those in by_source.items():
            _put(known.setdefault(source, {}), those, entry.id)
    ignored = content.ignored or []
    for source, those in (ignored if isinstance(ignored, dict) else {"": ignored}).items():
        _put(known.setdefault(source, {}), those, IGNORE)
    own = known.pop("", {})
    _put(own, [content.ignore], IGNORE)
    colours: dict[Colour, int] = {}
    if all(entry.color is not None for entry in content.classes):
        first = {onto: value for value, onto in reversed(own.items())}
        colours = {entry.color: first[entry.id] for entry in content.classes if entry.color and entry.id in first}
        colours |= dict.fromkeys(content.ignored_colors, content.ignore)
    return ClassSet(taxonomy, own, known, listed, colours)


def _put(table: dict[int, int], values: list[int], onto: int) -> None:
    for value in values:
        if not 0 <= value <= 255:
            raise ValueError(f"value {value} is outside 0 to 255")
        if table.get(value, onto) != onto:
            raise ValueError(f"value {value} is given to two classes, or to one and ignored")
        table[value] = onto
