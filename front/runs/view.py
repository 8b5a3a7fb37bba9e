"""Runs: training curves of chosen MLflow runs over each other, and what their recipes have in common."""

from html import escape

import pandas as pd
import streamlit as st

from front import page
from front.api.client import Json
from front.api.waiting import client, guard
from front.runs.metric_info import CLASS_IOU_PREFIX, METRICS, info_of
from front.runs.panel import show_panels
from front.runs.tables import listing_key, parameter_table, rows_of, run_colours, run_table, unique_names
from front.ui import charts
from front.ui.charts import MODEL_COLOURS
from front.ui.links import experiment_view, training_view
from front.ui.palette import DASHES

MOST_RUNS = len(MODEL_COLOURS)
LISTED = 200
_SHOWN = ("val_miou", "val_pixel_accuracy", "train_loss", "val_loss", "images_per_second", "learning_rate")


@st.cache_data(ttl=10, max_entries=4, show_spinner=False)
def _runs(base_url: str) -> Json:
    return client().runs(limit=LISTED + 1)  # one more than is shown says that there are more


@st.cache_data(ttl=10, max_entries=64, show_spinner=False)
def _run(base_url: str, run_id: str) -> Json:
    return client().run(run_id)


def main() -> None:
    page.header("Runs", "How the models were trained, from MLflow.")
    with guard("runs"):
        listing = _runs(client().base_url)
        runs = listing["runs"][:LISTED]
        if not runs:
            st.info("There is no run yet. `make demo` registers those of the bundled models, training adds more.")
            return
        chosen = _choose(runs)
        if len(listing["runs"]) > LISTED:
            st.caption(f"These are the {LISTED} newest runs; MLflow has the older ones.")
        if listing.get("mlflow_ui_url") and listing["experiment_id"]:
            address = experiment_view(listing["mlflow_ui_url"], listing["experiment_id"])
            st.link_button("Open MLflow", address, icon=":material/open_in_new:")
        if not chosen:
            st.info("Choose at least one run in the table.", icon=":material/arrow_upward:")
            return
        with st.spinner("Reading the runs' curves …"):
            details = [_run(client().base_url, run["run_id"]) for run in chosen]
        colours = run_colours(details, page.colours_of_models(), MODEL_COLOURS)
    _legend(details, colours)
    _curves(details, colours)
    show_panels(details)
    _parameters(details)


def _choose(runs: list[Json]) -> list[Json]:
    """The chosen runs. A table knows only the places of its rows, so with other runs in it, it is another table."""
    key = listing_key(runs)
    if key not in st.session_state:
        st.session_state["runs_start"] = rows_of(runs, st.session_state.get("chosen_runs"))
    event = st.dataframe(
        run_table(runs),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": st.session_state["runs_start"]}},
        column_config={
            "Started": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
            "mIoU": st.column_config.NumberColumn(format="%.1f %%"),
            "Pixel accuracy": st.column_config.NumberColumn(format="%.1f %%"),
            "Validation loss": st.column_config.NumberColumn(format="%.3f"),
        },
        alt="Table of training runs; choose rows to draw their curves.",
    )
    rows = [row for row in event["selection"]["rows"] if row < len(runs)]
    st.session_state["chosen_runs"] = [runs[row]["run_id"] for row in rows]
    if len(rows) > MOST_RUNS:
        st.caption(f"Showing the first {MOST_RUNS} of {len(rows)} chosen runs.")
    return [runs[row] for row in rows[:MOST_RUNS]]


def _legend(details: list[Json], colours: list[str]) -> None:
    """One line a run: its colour in every chart, and its page in MLflow."""
    for run, name, colour, dash in zip(details, unique_names(details), colours, DASHES, strict=False):
        url = str(run.get("url") or "")
        address = escape(training_view(url))
        link = (
            f'<a href="{address}" style="color:inherit" target="_blank" rel="noopener">open in MLflow</a>'
            if url.startswith("http")
            else ""
        )
        style = {"solid": "solid", "dot": "dotted"}.get(dash, "dashed")
        line = f'<span aria-hidden="true" style="width:2.2rem;border-top:4px {style} {colour}"></span>'
        st.html(
            '<div style="display:flex;flex-wrap:wrap;gap:.15rem .7rem;align-items:center">'
            f"{line}<strong>{escape(name)}</strong>{link}</div>"
        )


def _curves(details: list[Json], colours: list[str]) -> None:
    logged = {metric for run in details for metric, points in run["history"].items() if points}
    class_metrics = sorted(m for m in logged if m.startswith(CLASS_IOU_PREFIX))
    extra = st.multiselect(
        "More curves",
        [m for m in METRICS if m in logged and m not in _SHOWN] + class_metrics,
        format_func=lambda m: info_of(m).title,
        key="extra_metrics",
        persist_state="session",
        placeholder="IoU of a class, seconds an epoch …",
    )
    shown = [m for m in _SHOWN if m in logged] + list(extra)
    if not shown:
        st.info("These runs logged no curves.")
        return
    for start in range(0, len(shown), 2):  # a row at a time, so that neighbours start at the same height
        for column, metric in zip(st.columns(2, gap="medium"), shown[start : start + 2], strict=False):
            with column:
                _curve(metric, details, colours)


def _curve(metric: str, details: list[Json], colours: list[str]) -> None:
    info = info_of(metric)
    lines = []
    for run, name, colour, dash in zip(details, unique_names(details), colours, DASHES, strict=False):
        points = [p for p in run["history"].get(metric, []) if p["value"] is not None]
        if points:
            lines.append((name, colour, [p["step"] for p in points], [p["value"] for p in points], dash))
    st.subheader(info.title, anchor=False)
    page.chart(
        charts.curves(lines, unit=info.unit),
        key=f"curve-{metric}",
        alt=f"{info.title} by epoch. " + " ".join(f"{n} ends at {v[-1]:.4g}." for n, _, _, v, _ in lines),
    )
    st.caption(info.reading)


def _parameters(details: list[Json]) -> None:
    table, differing = parameter_table(details)
    if table.empty:
        return
    st.subheader("Parameters", anchor=False)
    if len(details) > 1:
        same = len(table) - len(differing)
        st.caption(f"{len(differing)} differ and are marked; {same} are the same in all chosen runs.")

    def mark_differing(row: "pd.Series[str]") -> list[str]:
        return ["background-color: rgba(224, 163, 57, 0.13)" if row["Parameter"] in differing else ""] * len(row)

    st.dataframe(
        table.reset_index().style.apply(mark_differing, axis=1),
        hide_index=True,
        column_config={"Parameter": st.column_config.TextColumn(width=200, pinned=True)},
        alt="Table of parameters by run; those that differ come first.",
        height=min(560, 40 + 35 * len(table)),
    )


main()
