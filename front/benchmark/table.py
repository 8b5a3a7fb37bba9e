"""The table of the Benchmark page: every registered model's numbers, as wide as the page and no wider."""

from typing import Any

import pandas as pd
import streamlit as st

from front.api.client import Json
from front.benchmark import numbers
from front.ui.names import display_name

SUMMARY, SPEED, BY_CLASS = "Summary", "Speed and size", "IoU by class"
_OF_SPEED = (
    *("Photo", "Machine", "Latency p50", "Latency p95", "Images per second"),
    *("Multiply-adds", "Parameters", "File", "Peak memory"),
)
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
    "Calibration error": st.column_config.NumberColumn(
        format="%.1f %%", help="How far the probabilities are from how often they are right, on average (ECE)."
    ),
    "Latency p50": st.column_config.NumberColumn(
        format="%.0f ms", help="Half of the photos are done in this time, JPEG to PNG, on the evaluating machine."
    ),
    "Latency p95": st.column_config.NumberColumn(format="%.0f ms", help="19 of 20 photos are done in this time."),
    "Images per second": st.column_config.NumberColumn(
        format="%.0f", help="One photo after the other, at the latency of half of them."
    ),
    "Multiply-adds": st.column_config.NumberColumn(
        format="%.1f G", help="Of the network, for a photo of CamVid's size."
    ),
    "Photo": st.column_config.TextColumn(help="Which photo's latency this is."),
    "Machine": st.column_config.TextColumn(help="Where it was measured: processor, cores, engine and precision."),
    "Parameters": st.column_config.NumberColumn(format="%.2f M"),
    "File": st.column_config.NumberColumn(format="%.1f MB", help="Size of model.onnx."),
    "Peak memory": st.column_config.NumberColumn(format="%.0f MB", help="Of a process that serves this model alone."),
}


def show_table(entries: list[Json], evaluations: dict[str, Any]) -> None:
    """All models, sortable; each one's many numbers in two turns, so that none is out of sight."""
    table = model_table(entries, evaluations)
    about = st.segmented_control(
        "Columns",
        [SUMMARY, SPEED, BY_CLASS],
        default=SUMMARY,
        required=True,
        key="benchmark_columns",
        persist_state="session",
        label_visibility="collapsed",
    )
    columns = columns_of(table, about)
    st.dataframe(
        table[columns],
        hide_index=True,
        column_config=dict.fromkeys([c for c in columns if c.startswith(_CLASS)], _PERCENT) | _COLUMNS,
        placeholder="—",
        alt="Table of all models with "
        + {BY_CLASS: "the IoU of each class.", SPEED: "latency and size."}.get(about, "accuracy, data and version."),
    )
    same = {column: same_in_all(table, column) for column in ("Data", "Photo", "Machine")}
    told = ["Press a column's head to sort by it. A dash means: not measured."]
    if about == SPEED:
        timed = [f"with a {same['Photo']}"] if same["Photo"] else []
        timed += [f"on {same['Machine']}"] if same["Machine"] else []
        told += [f"All were timed {' '.join(timed)}."] if timed else []
    elif same["Data"]:
        told.append(f"All were measured on {same['Data']}.")
    st.caption(" ".join(told))


def model_table(entries: list[Json], evaluations: dict[str, Any]) -> pd.DataFrame:
    """One line a model with all that was measured of any."""
    rows = [{"Model": display_name(e["name"])} | numbers.benchmark_row(e, evaluations[e["name"]]) for e in entries]
    table = pd.DataFrame(rows).dropna(axis=1, how="all")
    if "mIoU, 8 classes" in table and table["mIoU, 8 classes"].notna().all():
        table = table.drop(columns="mIoU")  # the same number twice
    return table


def columns_of(table: pd.DataFrame, about: str) -> list[str]:
    """Which model it is, then what it is about: accuracy, speed and size, or the IoU of each class."""
    if about == BY_CLASS:
        wanted = [column for column in table.columns if column.startswith(_CLASS)]
    elif about == SPEED:
        wanted = [column for column in _OF_SPEED if column in table.columns]
    else:
        apart = ("Model", "Version", *(column for column in _OF_SPEED if column != "Latency p50"))
        wanted = [c for c in table.columns if c not in apart and not c.startswith(_CLASS)]
    return ["Model", "Version", *(column for column in wanted if not same_in_all(table, column))]


def same_in_all(table: pd.DataFrame, column: str) -> str | None:
    """What all models were measured on, or with, where that is one thing: told below the table, not in each line."""
    if column not in ("Data", "Photo", "Machine") or column not in table:
        return None
    found = set(table[column])
    only = found.pop() if len(found) == 1 else None
    return None if only is None else str(only)
