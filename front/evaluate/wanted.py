"""Which pictures a visitor wants to see: all, those of a cell of the confusion matrix, or those of a slice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from front.api.client import Json

_CELL, _OPEN, SLICE = "evaluation_cell", "evaluation_open", "evaluation_slice"


@dataclass(frozen=True)
class Cell:
    """A cell of a model's confusion matrix: class of the label, class that the model sees, as places."""

    job: str
    model: int
    truth: int
    seen: int


def want_cell(job: str, model: int, truth: int, seen: int) -> None:
    """Show the pictures of a cell from now on, and open the first of them."""
    st.session_state[_CELL] = Cell(job, model, truth, seen)
    st.session_state.pop(_OPEN, None)


def wanted_cell(job: str) -> Cell | None:
    """The cell whose pictures are shown; of another job none."""
    cell: Cell | None = st.session_state.get(_CELL)
    return cell if cell is not None and cell.job == job else None


def want_all() -> None:
    """Show the pictures of no cell and no slice in particular."""
    st.session_state.pop(_CELL, None)
    st.session_state[SLICE] = None
    st.session_state.pop(_OPEN, None)


def open_picture(number: int) -> None:
    st.session_state[_OPEN] = number


def opened(shown: Sequence[Json]) -> Json:
    """The picture that is open, else the first."""
    number = st.session_state.get(_OPEN)
    return next((one for one in shown if one["number"] == number), shown[0])


def slices_of(result: Json) -> dict[str, list[int]]:
    """The slices of a result by what they are called, with the numbers of their pictures; but those that all have."""
    found = {}
    for cut in result["cuts"]:
        for part in cut["slices"]:
            if len(part["numbers"]) < len(result["pictures"]):
                found[f"{cut['title']}: {part['name']}"] = part["numbers"]
    return found


def pixels_in(picture: Json, cell: Cell) -> int:
    """How many pixels of a picture lie in a cell."""
    cells = picture["scores"][cell.model]["cells"]
    return next((int(n) for truth, seen, n in cells if (truth, seen) == (cell.truth, cell.seen)), 0)


def in_order(
    pictures: Sequence[Json],
    measure: Callable[[Json], float | None],
    cell: Cell | None,
    numbers: Sequence[int] | None,
) -> list[Json]:
    """The pictures that are wanted, the worst first: by a measure, or of a cell by the pixels in it."""
    wanted = [one for one in pictures if numbers is None or one["number"] in set(numbers)]
    if cell is not None:
        wanted = [one for one in wanted if pixels_in(one, cell)]
        return sorted(wanted, key=lambda one: -pixels_in(one, cell))
    return sorted(wanted, key=lambda one: -(measure(one) if measure(one) is not None else -1.0))  # type: ignore[operator]
