"""The doctor's diagnosis as text for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from modelisation.doctor_faults import KINDS


def format_diagnosis(diagnosis: Mapping[str, Any], show: int) -> str:
    """The diagnosis as lines: counts and fixes by kind, the first `show` files of each, class frequencies."""
    lines = [
        f"{diagnosis['root']}: {diagnosis['layout']} layout, {diagnosis['images']} images, "
        f"{diagnosis['labels']} labels, values of {diagnosis['source']}"
    ]
    for kind, count in diagnosis["counts"].items():
        about = KINDS[kind]
        lines += ["", f"{about.severity}: {about.title}: {count}", f"  fix: {about.fix}"]
        found = [fault for fault in diagnosis["faults"] if fault["kind"] == kind]
        lines += [f"  {f['path']}" + (f": {f['detail']}" if f["detail"] else "") for f in found[:show]]
        if count > show:
            lines.append(f"  … and {count - show} more (--show {count}, or --json FILE for all)")
    if not diagnosis["counts"]:
        lines += ["", "no faults found"]
    return "\n".join([*lines, "", *_class_table(diagnosis["classes"])])


def _class_table(classes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    splits = list(classes)
    names = list(next(iter(classes.values()), {}))
    if not names:
        return
    yield "share of the labelled pixels, and images without the class:"
    yield f"  {'':<14}" + "".join(f"{split:>18}" for split in splits)
    for name in names:
        cells = (classes[split][name] for split in splits)
        yield f"  {name:<14}" + "".join(f"{100 * c['share']:9.2f} %{c['without']:7d}" for c in cells)
