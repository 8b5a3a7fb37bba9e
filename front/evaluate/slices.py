"""Scores by slices of the photos: what is alike in them, or where in the picture."""

from typing import Any

import pandas as pd
import streamlit as st

from front import page
from front.api.client import Json
from front.ui import charts
from front.ui.names import as_text


def show_slices(result: Json, titles: list[str]) -> None:
    """The section of the page: a table of one cut, and the difference of two models in each slice."""
    cuts = {cut["title"]: cut for cut in result["cuts"]}
    if not cuts:
        return
    st.subheader("Slices", anchor=False)
    chosen = st.selectbox("Sliced by", list(cuts), key="evaluation_cut", width=320)
    cut = cuts[chosen]
    with st.container():
        st.dataframe(
            pd.DataFrame(slice_rows(cut, titles)),
            hide_index=True,
            height="content",
            column_config={
                f"{what}, {title}": st.column_config.NumberColumn(format="%.1f %%")
                for title in titles
                for what in ("mIoU", "Pixels right")
            },
            placeholder="—",
            alt=f"Table of the scores by {chosen}.",
        )
        st.caption(f"{as_text(cut['note'])} Open a slice's pictures with “Only pictures of” above.")
    if len(titles) > 1:
        _differences(cut, titles)


def slice_rows(cut: Json, titles: list[str]) -> list[dict[str, Any]]:
    """A row a slice: its pictures, and each model's mIoU with its interval and share of pixels that are right."""
    rows = []
    for part in cut["slices"]:
        row: dict[str, Any] = {"Slice": part["name"], "Photos": len(part["numbers"])}
        for title, scores in zip(titles, part["scores"], strict=True):
            miou = scores["miou"] or {}
            row[f"mIoU, {title}"] = _points(miou.get("estimate"))
            low, high = miou.get("low"), miou.get("high")
            row[f"Interval, {title}"] = "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"
            row[f"Pixels right, {title}"] = _points(scores["pixel_accuracy"])
        rows.append(row)
    return rows


def _differences(cut: Json, titles: list[str]) -> None:
    rows = [
        (
            part["name"],
            100 * part["difference"]["estimate"],
            _points(part["difference"]["low"]),
            _points(part["difference"]["high"]),
        )
        for part in cut["slices"]
        if part["difference"] is not None
    ]
    if not rows:
        return
    label = f"{titles[1]} − {titles[0]}, mIoU points"
    page.chart(
        charts.difference_dots(rows, label),
        key="evaluation-differences",
        alt=f"{label} by slice. " + " ".join(f"{name}: {points:+.1f}." for name, points, _, _ in rows),
    )


def _points(value: float | None) -> float | None:
    return None if value is None else 100 * value
