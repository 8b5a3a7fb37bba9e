"""A table that comes with the pictures: what it says of each, to slice the scores by."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from back.runtime.layouts.listing import composed

_MOST_BYTES, _MOST_ROWS, _MOST_COLUMNS = 8_000_000, 100_000, 20
_MOST_VALUES = 12  # of a column that is no number; more would be as many slices
_LONGEST = 60  # letters of a value
# Columns that name the picture; else the first does.
_NAMES = ("name", "image", "file", "filename", "picture", "photo")


def read_columns(path: Path, names: Sequence[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The columns of a CSV file.

    Args:
        path: the file; UTF-8, with a line of titles; commas, semicolons or tabs part the columns.
        names: of the pictures. A row is a picture's whose name it gives, with or without suffix and folder.

    Returns:
        Title -> picture -> value, for columns that say something; and sentences on what is not used.
    """
    try:
        data = path.read_bytes()
        if len(data) > _MOST_BYTES:
            return {}, [f"The table {path.name} has more than {_MOST_BYTES // 10**6} MB and is not used."]
        text = data.decode("utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[:_MOST_ROWS]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return {}, [f"The table {path.name} is not used, it cannot be read as CSV: {error}."]
    if len(rows) < 2:
        return {}, [f"The table {path.name} has no rows below its titles and is not used."]
    titles = [title.strip()[:_LONGEST] for title in rows[0]]
    key = next((i for i, title in enumerate(titles) if title.lower() in _NAMES), 0)
    wanted = set(names)
    found: dict[str, list[str]] = {}
    for row in rows[1:]:
        name = composed(Path(row[key].strip()).name) if len(row) > key else ""
        for known in (name, Path(name).stem):
            if known in wanted:
                found[known] = row
                break
    if not found:
        return {}, [f"The table {path.name} names none of the pictures in its column {titles[key]!r}."]
    columns: dict[str, dict[str, str]] = {}
    notes = []
    for i, title in enumerate(titles[:_MOST_COLUMNS]):
        values = {name: row[i].strip()[:_LONGEST] for name, row in found.items() if len(row) > i and row[i].strip()}
        if i == key or not title or len(set(values.values())) < 2:
            continue
        if len(set(values.values())) > _MOST_VALUES and numbers_of(values) is None:
            notes.append(f"The column {title!r} has more than {_MOST_VALUES} values that are no numbers: not used.")
            continue
        columns[title] = values
    return columns, notes


def numbers_of(values: Mapping[str, str]) -> dict[str, float] | None:
    """A column's values as finite numbers; None where one is none."""
    try:
        numbers = {name: float(value.replace(",", ".")) for name, value in values.items()}
    except ValueError:
        return None
    return numbers if all(abs(value) < float("inf") for value in numbers.values()) else None
