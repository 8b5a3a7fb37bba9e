"""From the labels of a foreign head to classes: by known names and data sets, or settled with `--map label=class`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from back.runtime.errors import UserError
from back.runtime.taxonomy import IGNORE, Taxonomy, grouping
from modelisation.data.class_files import ClassSet
from modelisation.data.class_sets import built_in_names, class_set
from modelisation.data.formats.base import Export
from modelisation.data.formats.naming import IGNORED, NamesError, name_classes

# ADE20K's 150 classes go by several spellings; enough of them at their own places tell the set.
_ADE20K = {
    0: "wall", 1: "building", 2: "sky", 4: "tree", 6: "road", 9: "grass", 11: "sidewalk", 12: "person", 20: "car",
    32: "fence", 80: "bus", 83: "truck", 127: "bicycle", 149: "flag",
}  # fmt: skip
_ADE20K_SET = "ade20k-street"


@dataclass(frozen=True)
class Placed:
    """Classes, for each of them the channels of the head that are it, and what became of each label."""

    taxonomy: Taxonomy
    merge: tuple[tuple[int, ...], ...]
    onto: Mapping[str, str]


def place_labels(labels: Sequence[str], wanted: str | None, maps: Mapping[str, str], name: str) -> Placed:
    """Find the class of every label.

    Args:
        labels: the head's labels, by channel.
        wanted: class set to predict; None takes the labels as they are.
        maps: label -> class or `ignore`, before anything else.
        name: of the model, for a class set of its own labels.

    Raises:
        NamesError: labels have no class in the wanted set; lists them.
        UserError: a map names no label or no class, or a class of the set has no label.
    """
    labels = _apart([label.strip() for label in labels])
    if unknown := sorted(set(maps) - set(labels)):
        raise UserError(f"--map {unknown[0]}=…: the model has no such label; it has {', '.join(labels[:30])}")
    target = class_set(wanted) if wanted else None
    source = _built_in_of(labels)
    # A built-in set is told by its own spelling, so that its groups are found.
    spelt = dict(zip(labels, source.taxonomy.names if source else labels, strict=True))
    known = {spelt[label]: onto for label, onto in maps.items()}
    if target is not None and source is None:
        known = _from_ade20k(labels, target) | known
    export = Export(name, name, (), tuple(spelt.values()), classes=source)
    naming = name_classes(export, known, target)
    if unplaced := [label for label in labels if spelt[label] not in naming.ids]:
        raise NamesError(
            f"{name}: no class of {naming.classes.taxonomy.id} for its labels {', '.join(unplaced[:20])}"
            f"{f', … and {len(unplaced) - 20} more' if len(unplaced) > 20 else ''}; settle each with --map "
            f'"{unplaced[0]}=CLASS" or --map "{unplaced[0]}={IGNORED}" (classes: '
            f"{', '.join(naming.classes.taxonomy.names[:30])})"
        )
    ids = [naming.ids[spelt[label]] for label in labels]
    return _placed(naming.classes.taxonomy, labels, ids, name)


def same_order(classes: str, channels: int, name: str) -> list[str]:
    """The labels of a head that has the classes of a set in their order.

    Raises:
        UserError: it has another number of channels.
    """
    names = class_set(classes).taxonomy.names
    if len(names) != channels:
        raise UserError(f"{name}: its head has {channels} channels where {classes} has {len(names)} classes")
    return list(names)


def _placed(taxonomy: Taxonomy, labels: Sequence[str], ids: Sequence[int], name: str) -> Placed:
    merge = tuple(tuple(i for i, onto in enumerate(ids) if onto == c.id) for c in taxonomy.classes)
    if missing := [c.name for c, channels in zip(taxonomy.classes, merge, strict=True) if not channels]:
        raise UserError(
            f"{name}: none of its labels is {', '.join(missing[:8])} of {taxonomy.id}, so it could never predict "
            "that; choose other --classes, or settle it with --map label=class"
        )
    names = taxonomy.names
    onto = {label: IGNORED if i == IGNORE else names[i] for label, i in zip(labels, ids, strict=True)}
    return Placed(taxonomy, merge, onto)


def _apart(labels: Sequence[str]) -> list[str]:
    """The labels, told apart where several are spelt alike."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found


def _built_in_of(labels: Sequence[str]) -> ClassSet | None:
    """The built-in class set whose classes these are, one by one and in its order."""
    forms = [_form(label) for label in labels]
    for name in built_in_names():
        one = class_set(name)
        if [_form(c) for c in one.taxonomy.names] == forms:
            return one
    return None


def _from_ade20k(labels: Sequence[str], target: ClassSet) -> dict[str, str]:
    """Label -> class for ADE20K's 150 labels, or these behind one for the rest; nothing where these are others."""
    shift = len(labels) - 150
    if shift not in (0, 1):
        return {}
    alike = sum(_form(labels[i + shift].split(",")[0]) == name for i, name in _ADE20K.items())
    if alike < 0.8 * len(_ADE20K):
        return {}
    street = class_set(_ADE20K_SET)
    places = grouping(street.taxonomy, target.taxonomy)
    if places is None:
        return {}
    table, names = street.known["ade20k"], target.taxonomy.names
    found = {}
    for i, label in enumerate(labels):
        onto = table.get(i + 1 - shift, IGNORE)  # its files count from 1; 0 is unlabelled
        found[label] = IGNORED if onto == IGNORE else names[places[onto]]
    return found


def _form(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
