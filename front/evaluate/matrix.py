"""A confusion matrix whose cells can be pressed, by mouse, finger or keyboard."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from front.ui.charts import row_percent
from front.ui.components import component

_mount = component("streetseg_matrix", Path(__file__).parent, "matrix", ("matrix.js",))


def show(
    matrix: Sequence[Sequence[int]],
    names: Sequence[str],
    model: str,
    *,
    chosen: Callable[[int, int], None],
    key: str,
) -> None:
    """Mount it; rows are the classes of the label. `chosen` is called with the row and column of a cell, then comes a
    rerun.
    """
    content = {"shares": row_percent(matrix), "names": list(names), "model": model}
    data = {"id": hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16], **content}

    def tell() -> None:
        cell = getattr(st.session_state[key], "cell", None)
        inside = range(len(names))
        if isinstance(cell, list) and len(cell) == 2 and all(place in inside for place in cell):
            chosen(int(cell[0]), int(cell[1]))

    _mount(data=data, key=key, on_cell_change=tell)
