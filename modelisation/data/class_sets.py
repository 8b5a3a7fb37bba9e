"""Class sets by name or file, and the way from label values to each; the built-in ones lie in `classes/`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from back.runtime.labels.source import OwnValues, Source, name_of
from back.runtime.taxonomy import IGNORE, REMAPS, RemapError, Taxonomy, grouping, remap_for
from modelisation.data.class_files import CLASSES_FILE, ClassSet, ClassSetError, read_class_set

BUILT_IN = Path(__file__).with_name("classes")
DEFAULT = "street8"
Classes = str | Path | Taxonomy | ClassSet


def class_set(classes: Classes) -> ClassSet:
    """A class set by the name of a built-in one, by its file, or of a card's taxonomy.

    Raises:
        ClassSetError: there is none of this name, or the file cannot be used.
    """
    if isinstance(classes, ClassSet):
        return classes
    if isinstance(classes, Taxonomy):
        known = _built_in_set(classes.id)
        if known is not None and known.taxonomy.same_classes(classes):
            return ClassSet(classes, known.own, known.known, known.stated, known.colours)
        return ClassSet(classes, _identity(len(classes.classes)))
    if (known := _built_in_set(str(classes))) is not None:
        return known
    path = Path(classes)
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise ClassSetError(
            f"unknown class set {str(classes)!r}; known: {', '.join(_paths())}, or name a .yaml file with classes"
        )
    return _read(path)


def built_in_names() -> tuple[str, ...]:
    """The sets that can be named."""
    return tuple(_paths())


def of_folder(root: Path) -> ClassSet | None:
    """The classes that a data folder brings in its `classes.yaml`; None where it has none."""
    path = root / CLASSES_FILE
    return _read(path) if path.is_file() else None


def classes_for(root: str | Path, classes: Classes | None) -> ClassSet:
    """The classes to read a data folder in: those asked for, else its own, else street8."""
    return class_set(classes) if classes is not None else of_folder(Path(root)) or class_set(DEFAULT)


def remap(source: Source, target: ClassSet) -> Mapping[int, int]:
    """The way from label values to a class set: value -> id, 255 where ignored.

    The first that there is: the same classes; the source's groups; what the target says of the source; values that
    the target lists; classes of the same names, where each class of the source has one.

    Raises:
        RemapError: there is no way; names the classes without a place.
    """
    name = name_of(source)
    if isinstance(source, str) and target.taxonomy.id in REMAPS.get(source, {}) and is_built_in(target.taxonomy):
        return remap_for(source, target.taxonomy.id)
    labelled = source if isinstance(source, OwnValues) else _labelled(source)
    if labelled is not None:
        fine = labelled.taxonomy
        places = grouping(fine, target.taxonomy)
        if places is not None:
            return _chain(labelled.table, dict(enumerate(places)))
    if name in target.known:
        return target.known[name]
    if target.stated and not is_built_in(target.taxonomy):
        return target.own
    if labelled is None:
        raise RemapError(f"no way from the label values {name} to {target.taxonomy.id}; list them under values")
    names = target.taxonomy.names
    missing = [one for one in labelled.taxonomy.names if one not in names]
    if missing:
        raise RemapError(
            f"labels in {name} cannot be read as {target.taxonomy.id}, which has no {', '.join(missing[:8])}"
            f"{', …' if len(missing) > 8 else ''}; list what belongs to each of its classes under values or groups"
        )
    return _chain(labelled.table, {i: names.index(one) for i, one in enumerate(labelled.taxonomy.names)})


def known_sources() -> tuple[str, ...]:
    """The sources that `dataset.json` may name."""
    named = {source for name in _paths() if (one := _built_in_set(name)) for source in one.known}
    return tuple(dict.fromkeys([*REMAPS, *_paths(), *sorted(named)]))


def _labelled(source: str) -> OwnValues | None:
    """A known source as the values of a class set; None where no set has its classes one by one."""
    if source == "cityscapes_label_ids":
        fine = class_set("cityscapes19")
        return OwnValues(fine.taxonomy, tuple(REMAPS[source]["cityscapes19"].items()))
    known = _built_in_set(source)
    return None if known is None else known.source


def is_built_in(taxonomy: Taxonomy) -> bool:
    """Whether a class set is one of those that come with the project."""
    known = _built_in_set(taxonomy.id)
    return known is not None and known.taxonomy.same_classes(taxonomy)


def _chain(first: Mapping[int, int], second: Mapping[int, int]) -> dict[int, int]:
    return {value: IGNORE if onto == IGNORE else second[onto] for value, onto in first.items()}


def _identity(classes: int) -> dict[int, int]:
    return {i: i for i in range(classes)} | {IGNORE: IGNORE}


def _read(path: Path) -> ClassSet:
    found = read_class_set(path)
    known = _built_in_set(found.taxonomy.id)
    if known is not None and not known.taxonomy.same_classes(found.taxonomy):
        raise ClassSetError(
            f"{path}: {found.taxonomy.id} is a built-in set with other classes; give this one another name"
        )
    return found


@cache
def _paths() -> dict[str, Path]:
    """Name -> file of each built-in set, the default first."""
    paths = sorted(BUILT_IN.glob("*.yaml"), key=lambda path: (path.stem != DEFAULT, path.stem))
    return {path.stem: path for path in paths}


@cache
def _built_in_set(name: str) -> ClassSet | None:
    """A built-in set, read when it is asked for: all of them take a quarter of a second."""
    return read_class_set(_paths()[name]) if name in _paths() else None
