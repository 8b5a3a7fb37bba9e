"""The table of the Benchmark page: every registered model's numbers, as wide as the page and no wider."""

from typing import Any

import pandas as pd
import streamlit as st

from front.api.client import Json
from front.benchmark import numbers
from front.ui.names import display_name

SUMMARY, BY_CLASS = "Summary", "IoU by class"
_CLASS = "IoU "  # what the name of a class's column begins with
_PERCENT = st.column_config.NumberColumn(format="%.1f %%")
_COLUMNS = {
    "Model": st.column_config.TextColumn(pinned=True),
    "mIoU": st.column_config.ProgressColumn(
        format="%.1f %%", min_value=0, max_value=100, help="Overlap of prediction and truth, mean over all classes."
    ),
    "mIoU, 8 classes": st.column_config.ProgressColumn(
        format="%.1f %%", min_value=0, max_value=100, help="street8: mean over all eight classes."
    ),
    "mIoU, 7 classes": st.column_config.NumberColumn(
        format="%.1f %%", help="street8: the seven named classes, without background."
    ),
    "Pixel accuracy": _PERCENT,
    "Boundary IoU": st.column_config.NumberColumn(
        format="%.1f %%", help="The same overlap, counted only near outlines: how sharp the edges are."
    ),
    "Latency p50": st.column_config.NumberColumn(
        format="%.0f ms", help="Half of the photos are done in this time, JPEG to PNG, on the evaluating machine."
    ),
    "Latency p95": st.column_config.NumberColumn(format="%.0f ms", help="19 of 20 photos are done in this time."),
    "Parameters": st.column_config.NumberColumn(format="%.2f M"),
    "File": st.column_config.NumberColumn(format="%.1f MB", help="Size of model.onnx."),
    "Peak memory": st.column_config.NumberColumn(format="%.0f MB", help="Of a process that serves this model alone."),
}


def show_table(entries: list[Json], evaluations: dict[str, Any]) -> None:
    """All models, sortable; each one's many numbers in two turns, so that none is out of sight."""
    table = model_table(entries, evaluations)
    by_class = (
        st.segmented_control(
            "Columns",
            [SUMMARY, BY_CLASS],
            default=SUMMARY,
            required=True,
            key="benchmark_columns",
            persist_state="session",
            label_visibility="collapsed",
        )
        == BY_CLASS
    )
    columns = columns_of(table, by_class=by_class)
    st.dataframe(
        table[columns],
        hide_index=True,
        column_config=dict.fromkeys([c for c in columns if c.startswith(_CLASS)], _PERCENT) | _COLUMNS,
        placeholder="—",
        alt="Table of all models with "
        + ("the IoU of each class." if by_class else "accuracy, latency, size, data and version."),
    )
    data = same_data(table)
    measured = f" All were measured on {data}." if data else ""
    st.caption(f"Press a column's head to sort by it. A dash means: not measured.{measured}")


def model_table(entries: list[Json], evaluations: dict[str, Any]) -> pd.DataFrame:
    """One line a model with all that was measured of any."""
    rows = [{"Model": display_name(e["name"])} | numbers.benchmark_row(e, evaluations[e["name"]]) for e in entries]
    table = pd.DataFrame(rows).dropna(axis=1, how="all")
    if "mIoU, 8 classes" in table and table["mIoU, 8 classes"].notna().all():
        table = table.drop(columns="mIoU")  # the same number twice
    return table


def columns_of(table: pd.DataFrame, *, by_class: bool) -> list[str]:
    """Which model it is, then either the IoU of each class or everything else that differs between models."""
    classes = [column for column in table.columns if column.startswith(_CLASS)]
    apart = ("Model", "Version", *classes, *(("Data",) if same_data(table) else ()))
    others = [column for column in table.columns if column not in apart]
    return ["Model", "Version", *(classes if by_class else others)]


def same_data(table: pd.DataFrame) -> str | None:
    """What all models were measured on, where that is one thing."""
    found = set(table["Data"]) if "Data" in table else set()
    data = found.pop() if len(found) == 1 else None
    return None if data is None else str(data)
