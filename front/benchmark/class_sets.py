"""Which models' scores may stand side by side: those of one class set, and finer ones that were counted in it."""

from collections.abc import Mapping, Sequence
from typing import Any

from front.api.client import Json


def class_sets(entries: Sequence[Json]) -> list[str]:
    """The class sets of all models, the one of most models first; two of one name are told apart by their classes."""
    found = [set_of(entry, entries) for entry in entries if entry.get("taxonomy")]
    return sorted(set(found), key=lambda name: (-found.count(name), name))


def set_of(entry: Json, entries: Sequence[Json]) -> str:
    """A model's class set, with its first classes where another model's set of this name has others."""
    name, classes = str(entry.get("taxonomy")), _classes(entry)
    others = [_classes(one) for one in entries if one.get("taxonomy") == entry.get("taxonomy")]
    if all(one in (classes, []) for one in others):
        return name
    return f"{name} ({', '.join(classes[:4])}{', …' if len(classes) > 4 else ''})"


def in_class_set(entries: Sequence[Json], evaluations: Mapping[str, Any], name: str) -> list[Json]:
    """The models of a class set, and those of finer sets whose evaluation is counted in it too.

    A model whose set is not known, because it could not be loaded, has no scores and stays.
    """
    return [
        entry
        for entry in entries
        if entry.get("taxonomy") is None
        or set_of(entry, entries) == name
        or name in _groups(evaluations.get(entry["name"]))
    ]


def counted_in(entry: Json, evaluations: Mapping[str, Any], name: str) -> tuple[Json, Json]:
    """A model's entry and evaluation with its scores in a coarser set; what was not counted there is left out."""
    evaluation = evaluations[entry["name"]]
    scores = {"miou_8": None, "miou_7": None} | dict(_groups(evaluation)[name])
    kept = {key: evaluation[key] for key in ("latency", "cost") if key in evaluation}
    return {**entry, "metrics": {**(entry.get("metrics") or {}), **scores}}, kept


def _groups(evaluation: Any) -> Mapping[str, Any]:
    groups: Mapping[str, Any] = (evaluation or {}).get("groups") or {}
    return groups


def _classes(entry: Json) -> list[str]:
    return list((entry.get("metrics") or {}).get("class_iou") or {})
