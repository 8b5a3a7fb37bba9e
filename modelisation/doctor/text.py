"""The doctor's diagnosis as text for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelisation.doctor.faults import KINDS


def format_diagnosis(diagnosis: Mapping[str, Any], show: int) -> str:
    """The diagnosis as lines: counts and fixes by kind, the first `show` files of each, class frequencies."""
    lines = [
        f"{diagnosis['root']}: {diagnosis['layout']} layout, {diagnosis['images']} images, "
        f"{diagnosis['labels']} labels, values of {diagnosis['source']}"
    ]
    if diagnosis["split_rule"]:
        lines += ["", diagnosis["split_rule"]]
    for kind, count in diagnosis["counts"].items():
        about = KINDS[kind]
        lines += ["", f"{about.severity}: {about.title}: {count}", f"  fix: {about.fix}"]
        found = [fault for fault in diagnosis["faults"] if fault["kind"] == kind]
        lines += [f"  {f['path']}" + (f": {f['detail']}" if f["detail"] else "") for f in found[:show]]
        if count > show:
            lines.append(f"  … and {count - show} more (--show {count}, or --json FILE for all)")
    if not diagnosis["counts"]:
        lines += ["", "no faults found"]
    return "\n".join([*lines, "", *_class_table(diagnosis["classes"]), *_images_without(diagnosis["classes"], show)])


def _class_table(classes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    splits = list(classes)
    names = list(next(iter(classes.values()), {}))
    if not names:
        return
    yield "share of the labelled pixels, and images without the class:"
    width = max(13, *map(len, names)) + 1
    yield f"  {'':<{width}}" + "".join(f"{split:>18}" for split in splits)
    for name in names:
        cells = (classes[split][name] for split in splits)
        yield f"  {name:<{width}}" + "".join(f"{100 * c['share']:9.2f} %{c['without']:7d}" for c in cells)


def _images_without(classes: Mapping[str, Mapping[str, Any]], show: int) -> Iterator[str]:
    """The first `show` images without each class. A class that a whole split lacks is a finding of its own."""
    rows = [(split, name, row) for split, table in classes.items() for name, row in table.items()]
    rows = [row for row in rows if row[2]["images"] and row[2]["without"]]
    if not rows or show < 1:
        return
    yield from ("", "images without the class (--json FILE for all):")
    for split, name, row in rows:
        named = ", ".join(Path(file).name for file in row["files_without"][:show])
        more = f", … and {row['without'] - show} more" if row["without"] > show else ""
        yield f"  {split} {name}: {named}{more}"
