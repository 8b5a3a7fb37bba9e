"""Benchmark: every registered model's numbers side by side, and how sure their differences are."""

from typing import Any

import streamlit as st

from front import page
from front.api.client import Json
from front.api.errors import ApiError
from front.api.models import all_models, detail_of
from front.api.waiting import client, guard
from front.benchmark import charts as benchmark_charts
from front.benchmark import numbers
from front.benchmark.class_sets import class_sets, counted_in, in_class_set, set_of
from front.benchmark.images import image_by_image
from front.benchmark.table import show_table
from front.ui import charts
from front.ui.names import display_name

NOT_COMPARABLE = 409  # what `/differences` answers for two models that cannot be subtracted


def main() -> None:
    page.header("Benchmark", "Every registered model, measured through the runtime that serves it.")
    with guard("benchmark"):
        entries = all_models()
        page.watch_models(entries)
        colours = page.colours_of_models()
        details = {entry["name"]: detail_of(entry) for entry in entries}
        evaluations = {n: (d.get("report") or {}).get("evaluation") for n, d in details.items()}
        entries, evaluations = _of_one_class_set(entries, evaluations)
        st.caption(
            "mIoU is the first number to look at: of each class, the pixels on which model and label agree, as a "
            "share of those that either of them gives it (intersection over union); then the mean over the classes. "
            "100 % is perfect."
        )
        show_table(entries, evaluations)
        names = _choose([entry["name"] for entry in entries])
        if not names:
            st.info("Choose at least one model for the charts.", icon=":material/arrow_upward:")
            return
        entries = [entry for entry in entries if entry["name"] in names]
        measured = {name: evaluations[name] for name in names if evaluations[name]}
        left, right = st.columns(2, gap="medium")
        with left:
            _class_iou({e["name"]: e for e in entries if e.get("metrics")}, colours)
        with right:
            _differences(list(measured), {entry["name"]: str(entry.get("sha256")) for entry in entries})
        left, right = st.columns(2, gap="medium")
        with left:
            _pareto(entries, evaluations, colours)
        with right:
            _confusion(measured)
        image_by_image({entry["name"]: entry for entry in entries}, measured, colours)


def _of_one_class_set(entries: list[Json], evaluations: dict[str, Any]) -> tuple[list[Json], dict[str, Any]]:
    """The models whose scores compare: those of one class set, which is chosen where there are several."""
    sets = class_sets(entries)
    if len(sets) < 2:
        return entries, evaluations
    chosen = st.segmented_control(
        "Class set",
        sets,
        default=sets[0],
        required=True,
        key="benchmark_classes",
        persist_state="session",
        help="Scores of different classes do not compare, so one class set is shown at a time.",
    )
    shown = in_class_set(entries, evaluations, chosen)
    finer = [entry for entry in shown if entry["taxonomy"] is not None and set_of(entry, entries) != chosen]
    if finer:
        named = ", ".join(f"{display_name(entry['name'])} ({entry['taxonomy']})" for entry in finer)
        st.caption(f"Counted in the coarser classes of {chosen}: {named}.")
    counted = {entry["name"]: counted_in(entry, evaluations, chosen) for entry in finer}
    return (
        [counted[e["name"]][0] if e["name"] in counted else e for e in shown],
        evaluations | {name: evaluation for name, (_, evaluation) in counted.items()},
    )


def _choose(names: list[str]) -> list[str]:
    """The models in the charts: all, less those left out; one that is registered later joins."""
    if len(names) < 2:
        return names
    known = st.session_state.get("benchmark_known", [])
    kept = st.session_state.get("benchmark_models", [])
    st.session_state["benchmark_models"] = [name for name in names if name in kept or name not in known]
    st.session_state["benchmark_known"] = names
    chosen = st.pills(
        "Models in the charts",
        names,
        selection_mode="multi",
        format_func=display_name,
        key="benchmark_models",
        persist_state="session",
    )
    return [name for name in names if name in chosen]


def _class_iou(measured: dict[str, Json], colours: dict[str, str]) -> None:
    if not measured:
        return
    st.subheader("IoU by class", anchor=False)
    iou = {name: entry["metrics"]["class_iou"] for name, entry in measured.items()}
    page.chart(
        charts.class_bars(iou, colours, end=100),
        key="class-iou",
        alt="Grouped bars: IoU of each class by model. "
        + " ".join(numbers.class_iou_sentence(display_name(name), values) for name, values in iou.items()),
    )


@st.cache_data(ttl=3600, max_entries=64, show_spinner=False)
def _difference(base_url: str, a: str, b: str, *hashes: str) -> Json:
    """`/differences`; the hashes renew it after a reload of either model."""
    return client().differences(a, b)


def _differences(names: list[str], hashes: dict[str, str]) -> None:
    """How one model's IoU differs from another's, with the API's intervals."""
    if len(names) < 2:
        return
    st.subheader("Is one really better?", anchor=False)
    with st.container(horizontal=True):
        base = st.selectbox("Baseline", names, 0, format_func=display_name, key="base", width=240)
        others = [n for n in names if n != base]
        if st.session_state.get("other") not in others:
            st.session_state["other"] = others[0]
        other = st.selectbox("Compared with it", others, format_func=display_name, key="other", width=240)
    try:
        found = _difference(client().base_url, base, other, hashes[base], hashes[other])
    except ApiError as error:
        if error.status != NOT_COMPARABLE:
            raise
        st.info(f"{display_name(base)} and {display_name(other)} cannot be subtracted: {error.advice}")
        return
    rows = numbers.difference_rows(found)
    text = numbers.sentence(rows, display_name(base), display_name(other), found["min_blocks"])
    st.markdown(text)
    page.chart(
        charts.difference_dots(rows, f"{display_name(other)} − {display_name(base)}, IoU points"),
        key="differences",
        alt=f"Differences in IoU by class. {text}",
    )
    if rows[0][2] is not None:
        level = f"{100 * found['level']:.0f} %"
        st.caption(f"Bars: {level} intervals, paired block bootstrap over the {found['images']} images' video.")


def _pareto(entries: list[Json], evaluations: dict[str, Any], colours: dict[str, str]) -> None:
    rows = [(e["name"], numbers.benchmark_row(e, evaluations[e["name"]])) for e in entries]
    points = [
        (name, float(r["Latency p50"]), float(r["mIoU"]) / 100)
        for name, r in rows
        if r["Latency p50"] is not None and r["mIoU"] is not None
    ]
    if not points:
        return
    st.subheader("Accuracy against time", anchor=False)
    page.chart(
        benchmark_charts.pareto(points, colours, "end-to-end latency p50, milliseconds"),
        key="pareto",
        alt="Accuracy against latency. "
        + " ".join(f"{display_name(n)}: {100 * miou:.1f} % mIoU in {ms:.0f} ms." for n, ms, miou in points),
    )
    st.caption("Up and to the left is better. A model under the dotted line is beaten in both by another.")


def _confusion(evaluations: dict[str, Any]) -> None:
    names = [name for name, evaluation in evaluations.items() if evaluation.get("confusion_matrix")]
    if not names:
        return
    st.subheader("Confusion matrix", anchor=False)
    name = st.selectbox("Model", names, format_func=display_name, key="confusion_model", width=240)
    classes = list(evaluations[name]["class_iou"])
    page.chart(
        charts.confusion_heatmap(
            evaluations[name]["confusion_matrix"],
            classes,
            classes,
            rows="truth",
            columns="prediction",
            dark=page.dark(),
        ),
        key="confusion",
        alt=f"Confusion matrix of {display_name(name)}: for each true class, the per cent predicted as each class. "
        + numbers.confusion_sentence(evaluations[name]["confusion_matrix"], classes),
    )
    st.caption("Each row is one true class and adds up to 100 %.")


main()
